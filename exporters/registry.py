"""What the exporter can read: every facility, one line each, in the order they are read."""

from dataclasses import dataclass
from typing import Any

from exporters.facility import Facility
from exporters.gpu import ecc, identity, memory, power, state, thermal, utilization, xid
from exporters.node import boot
from exporters.rdma import counters, inventory, port


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Facilities that read the same kind of device through the same worker module."""

    name: str
    reads: str
    worker: str
    """The module whose `attach(settings, target)` opens a device; only workers import it."""
    facilities: tuple[Facility[Any], ...]


GPU = Family(
    name="gpu",
    reads="NVIDIA GPUs, through NVML",
    worker="exporters.gpu.worker",
    facilities=(
        xid.FACILITY,  # first: what the driver tells of a fault must be heard before it is met
        state.FACILITY,
        identity.FACILITY,
        memory.FACILITY,
        utilization.FACILITY,
        thermal.FACILITY,
        power.FACILITY,
        ecc.FACILITY,
    ),
)
RDMA = Family(
    name="rdma",
    reads="RDMA ports, from sysfs",
    worker="exporters.rdma.worker",
    facilities=(port.FACILITY, counters.FACILITY, inventory.FACILITY),
)
NODE = Family(
    name="node",
    reads="the node itself",
    worker="exporters.node.worker",
    facilities=(boot.FACILITY,),
)

FAMILIES: tuple[Family, ...] = (GPU, RDMA, NODE)


def chosen(family: Family, keys: frozenset[str]) -> tuple[Facility[Any], ...]:
    """Return the family's facilities among these keys."""
    return tuple(facility for facility in family.facilities if facility.key in keys)
