"""What the exporter can read: every facility, one line each, in the order they are read."""

from dataclasses import dataclass
from typing import Any

from exporters.facility import Facility
from exporters.gpu import (
    bar1,
    clock_limits,
    clocks,
    ecc,
    ecc_locations,
    engines,
    fans,
    identity,
    memory,
    memory_temperature,
    modes,
    pcie,
    pcie_errors,
    power,
    recovery,
    remapped_rows,
    retired_pages,
    sram_ecc,
    state,
    thermal,
    thermal_limits,
    utilization,
    xid,
)
from exporters.node import boot, kernel_log
from exporters.rdma import counters, inventory, port, statistics


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
        remapped_rows.FACILITY,
        retired_pages.FACILITY,
        clocks.FACILITY,
        clock_limits.FACILITY,
        pcie.FACILITY,
        pcie_errors.FACILITY,
        recovery.FACILITY,
        memory_temperature.FACILITY,
        thermal_limits.FACILITY,
        fans.FACILITY,
        modes.FACILITY,
        bar1.FACILITY,
        engines.FACILITY,
        ecc_locations.FACILITY,
        sram_ecc.FACILITY,
    ),
)
RDMA = Family(
    name="rdma",
    reads="RDMA ports, from sysfs",
    worker="exporters.rdma.worker",
    facilities=(port.FACILITY, counters.FACILITY, statistics.FACILITY, inventory.FACILITY),
)
NODE = Family(
    name="node",
    reads="the node itself",
    worker="exporters.node.worker",
    facilities=(boot.FACILITY, kernel_log.FACILITY),
)

FAMILIES: tuple[Family, ...] = (GPU, RDMA, NODE)


def chosen(family: Family, keys: frozenset[str]) -> tuple[Facility[Any], ...]:
    """Return the family's facilities among these keys."""
    return tuple(facility for facility in family.facilities if facility.key in keys)
