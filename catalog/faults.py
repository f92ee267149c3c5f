"""The faults that the bridge acts on: what each is called, where it sits, what it asks for."""

from dataclasses import dataclass
from enum import StrEnum

from catalog.conditions import (
    GPU_MEMORY_FAULT,
    GPU_UNAVAILABLE,
    RDMA_LINK_DEGRADED,
    RDMA_LINK_DOWN,
    Condition,
)
from catalog.verdicts import Verdict


class Scope(StrEnum):
    """How far a fault reaches; the action never reaches further."""

    GPU = "gpu"
    NIC = "nic"
    LINK = "link"
    NODE = "node"
    DOMAIN = "domain"
    LINE = "line"


class Recovery(StrEnum):
    """What must have happened since the fault before proof of health counts."""

    NONE = "none"
    RESET = "reset"
    """The device was reset; a reboot resets it too."""
    REBOOT = "reboot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault; `name` is also its alert's name, its runbook page's stem and its file's."""

    name: str
    condition: Condition
    scope: Scope
    verdict: Verdict
    recovery: Recovery


GPU_FELL_OFF_BUS = Fault(
    name="GpuFellOffBus",
    condition=GPU_UNAVAILABLE,
    scope=Scope.GPU,
    verdict=Verdict.DRAIN,
    recovery=Recovery.REBOOT,
)
GPU_MEMORY_UNCORRECTABLE = Fault(
    name="GpuMemoryUncorrectable",
    condition=GPU_MEMORY_FAULT,
    scope=Scope.GPU,
    verdict=Verdict.DRAIN,
    recovery=Recovery.RESET,
)
RDMA_PORT_DOWN = Fault(
    name="RdmaLinkDown",
    condition=RDMA_LINK_DOWN,
    scope=Scope.NIC,
    verdict=Verdict.CORDON,
    recovery=Recovery.NONE,
)
RDMA_LINK_FLAPPING = Fault(
    name="RdmaLinkFlapping",
    condition=RDMA_LINK_DEGRADED,
    scope=Scope.LINK,
    verdict=Verdict.AVOID,
    recovery=Recovery.NONE,
)

FAULTS: tuple[Fault, ...] = (
    GPU_FELL_OFF_BUS,
    GPU_MEMORY_UNCORRECTABLE,
    RDMA_PORT_DOWN,
    RDMA_LINK_FLAPPING,
)
