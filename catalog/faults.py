"""The faults that the bridge acts on: what each is called, where it sits, what it asks for."""

from dataclasses import dataclass
from enum import StrEnum

from catalog.conditions import (
    FABRIC_FAULT,
    GPU_DEGRADED,
    GPU_INTERCONNECT_FAULT,
    GPU_MEMORY_FAULT,
    GPU_RESET_REQUIRED,
    GPU_UNAVAILABLE,
    RDMA_CONGESTED,
    RDMA_LINK_DEGRADED,
    RDMA_LINK_DOWN,
    UPLINK_DEGRADED,
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


def _of(
    scope: Scope, name: str, condition: Condition, verdict: Verdict, recovery: Recovery
) -> Fault:
    return Fault(name=name, condition=condition, scope=scope, verdict=verdict, recovery=recovery)


def _gpu(
    name: str, condition: Condition, verdict: Verdict, recovery: Recovery = Recovery.NONE
) -> Fault:
    return _of(Scope.GPU, name, condition, verdict, recovery)


def _node(
    name: str, condition: Condition, verdict: Verdict, recovery: Recovery = Recovery.NONE
) -> Fault:
    return _of(Scope.NODE, name, condition, verdict, recovery)


def _nic(name: str, condition: Condition, verdict: Verdict) -> Fault:
    return _of(Scope.NIC, name, condition, verdict, Recovery.NONE)


def _link(name: str, verdict: Verdict) -> Fault:
    return _of(Scope.LINK, name, RDMA_LINK_DEGRADED, verdict, Recovery.NONE)


def _line(name: str, verdict: Verdict) -> Fault:
    return _of(Scope.LINE, name, UPLINK_DEGRADED, verdict, Recovery.NONE)


OBSERVE, AVOID, CORDON, DRAIN = Verdict
RESET, REBOOT = Recovery.RESET, Recovery.REBOOT

GPU_FELL_OFF_BUS = _gpu("GpuFellOffBus", GPU_UNAVAILABLE, DRAIN, REBOOT)
GPU_HUNG = _gpu("GpuHung", GPU_UNAVAILABLE, DRAIN, RESET)
GPU_XID_SUPPORT = _gpu("GpuXidSupport", GPU_UNAVAILABLE, DRAIN, REBOOT)
GPU_XID_RESTART_VM = _gpu("GpuXidRestartVm", GPU_UNAVAILABLE, DRAIN, REBOOT)
GPU_MISSING = _node("GpuMissing", GPU_UNAVAILABLE, CORDON)
GPU_DRIVER_DOWN = _node("GpuDriverDown", GPU_UNAVAILABLE, CORDON)

GPU_MEMORY_UNCORRECTABLE = _gpu("GpuMemoryUncorrectable", GPU_MEMORY_FAULT, DRAIN, RESET)
GPU_ROW_REMAP_FAILURE = _gpu("GpuRowRemapFailure", GPU_MEMORY_FAULT, DRAIN)
GPU_MEMORY_UNREPAIRABLE = _gpu("GpuMemoryUnrepairable", GPU_MEMORY_FAULT, DRAIN)
GPU_SRAM_WORN_OUT = _gpu("GpuSramWornOut", GPU_MEMORY_FAULT, CORDON)

GPU_XID_RESET = _gpu("GpuXidReset", GPU_RESET_REQUIRED, DRAIN, RESET)
GPU_RECOVERY_ACTION = _gpu("GpuRecoveryAction", GPU_RESET_REQUIRED, DRAIN, RESET)
GPU_REBOOT_REQUIRED = _gpu("GpuRebootRequired", GPU_RESET_REQUIRED, DRAIN, REBOOT)
GPU_ROW_REMAP_PENDING = _gpu("GpuRowRemapPending", GPU_RESET_REQUIRED, AVOID, RESET)
GPU_REPAIR_PENDING = _gpu("GpuRepairPending", GPU_RESET_REQUIRED, AVOID, RESET)

GPU_XID_NVLINK = _gpu("GpuXidNvlink", GPU_INTERCONNECT_FAULT, DRAIN, RESET)
GPU_NVLINK_DOWN = _gpu("GpuNvlinkDown", GPU_INTERCONNECT_FAULT, DRAIN)
GPU_NVLINK_ERRORS = _gpu("GpuNvlinkErrors", GPU_INTERCONNECT_FAULT, AVOID)
GPU_C2C_LINK_DOWN = _gpu("GpuC2cLinkDown", GPU_INTERCONNECT_FAULT, CORDON)
GPU_FABRIC_UNHEALTHY = _gpu("GpuFabricUnhealthy", GPU_INTERCONNECT_FAULT, CORDON)
GPU_FABRIC_MANAGER_DOWN = _node("GpuFabricManagerDown", GPU_INTERCONNECT_FAULT, DRAIN)
NVSWITCH_FATAL = _node("NvSwitchFatal", GPU_INTERCONNECT_FAULT, DRAIN, REBOOT)

GPU_THERMAL_THROTTLE = _gpu("GpuThermalThrottle", GPU_DEGRADED, AVOID)
GPU_POWER_BRAKE = _gpu("GpuPowerBrake", GPU_DEGRADED, AVOID)
GPU_PCIE_NARROWED = _gpu("GpuPcieNarrowed", GPU_DEGRADED, AVOID)
GPU_PCIE_ERRORS = _gpu("GpuPcieErrors", GPU_DEGRADED, AVOID)
GPU_CLOCK_LOW = _gpu("GpuClockLow", GPU_DEGRADED, AVOID)
GPU_STRAGGLER = _gpu("GpuStraggler", GPU_DEGRADED, OBSERVE)
GPU_CORRECTED_ERRORS = _gpu("GpuCorrectedErrors", GPU_DEGRADED, OBSERVE)

RDMA_PORT_DOWN = _nic("RdmaLinkDown", RDMA_LINK_DOWN, CORDON)
RDMA_DEVICE_MISSING = _nic("RdmaDeviceMissing", RDMA_LINK_DOWN, CORDON)
RDMA_LINK_FLAPPING = _link("RdmaLinkFlapping", AVOID)
RDMA_RATE_REDUCED = _link("RdmaRateReduced", AVOID)
RDMA_BIT_ERRORS = _link("RdmaBitErrors", AVOID)
RDMA_LINK_ERRORS = _link("RdmaLinkErrors", AVOID)
RDMA_FEC_UNCORRECTABLE = _link("RdmaFecUncorrectable", AVOID)
RDMA_PFC_STORM = _nic("RdmaPfcStorm", RDMA_CONGESTED, OBSERVE)
RDMA_PAUSE_STORM = _nic("RdmaPauseStorm", RDMA_CONGESTED, AVOID)
RDMA_CNP_FLOOD = _nic("RdmaCnpFlood", RDMA_CONGESTED, OBSERVE)
RDMA_OUT_OF_BUFFER = _nic("RdmaOutOfBuffer", RDMA_CONGESTED, OBSERVE)
RDMA_PCIE_STALLED = _nic("RdmaPcieStalled", RDMA_CONGESTED, AVOID)
FABRIC_LEAF_DOWN = _of(Scope.DOMAIN, "FabricLeafDown", FABRIC_FAULT, CORDON, Recovery.NONE)

UPLINK_DOWN = _line("UplinkDown", CORDON)
UPLINK_SATURATED = _line("UplinkSaturated", AVOID)
UPLINK_LOSSY = _line("UplinkLossy", AVOID)
UPLINK_SLOW = _line("UplinkSlow", OBSERVE)

FAULTS: tuple[Fault, ...] = tuple(each for each in globals().values() if isinstance(each, Fault))
"""Every fault that stands here."""
