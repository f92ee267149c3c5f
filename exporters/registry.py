"""What the exporter can read: every facility, one line each, in the order they are read."""

from dataclasses import dataclass
from typing import Any

from exporters.allocation import jobs, names, pods
from exporters.fabric import counters as fabric_counters
from exporters.fabric import links as fabric_links
from exporters.fabric import topology as fabric_topology
from exporters.facility import Facility
from exporters.gpu import (
    bar1,
    c2c,
    clock_limits,
    clocks,
    ecc,
    ecc_lifetime,
    ecc_locations,
    engines,
    fabric,
    fans,
    gpm,
    gpm_detail,
    gsp,
    identity,
    memory,
    memory_temperature,
    mig,
    modes,
    nvlink,
    nvlink_errors,
    nvlink_links,
    pcie,
    pcie_bytes,
    pcie_errors,
    power,
    power_limits,
    process_memory,
    processes,
    recovery,
    remapped_banks,
    remapped_rows,
    repairs,
    retired_pages,
    sram_ecc,
    state,
    thermal,
    thermal_limits,
    users,
    utilization,
    vgpu_license,
    xid,
)
from exporters.node import boot, kernel_log
from exporters.rdma import (
    counters,
    history,
    inventory,
    modules,
    nldev_counters,
    nldev_links,
    nldev_resources,
    port,
    roce,
    statistics,
)
from exporters.topology import neighbors, places
from exporters.uplink import configured, disks, interfaces, limiters, probes
from exporters.uplink import pods as uplink_pods


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Facilities that read the same kind of device through the same worker module."""

    name: str
    reads: str
    worker: str
    """The module whose `attach(settings, target)` opens a device; only workers import it."""
    facilities: tuple[Facility[Any], ...]
    on: bool = True
    """Whether it is read unless told otherwise."""


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
        power_limits.FACILITY,
        ecc.FACILITY,
        remapped_rows.FACILITY,
        remapped_banks.FACILITY,
        retired_pages.FACILITY,
        repairs.FACILITY,
        clocks.FACILITY,
        clock_limits.FACILITY,
        pcie.FACILITY,
        pcie_errors.FACILITY,
        pcie_bytes.FACILITY,
        nvlink.FACILITY,
        nvlink_errors.FACILITY,
        nvlink_links.FACILITY,
        c2c.FACILITY,
        fabric.FACILITY,
        gsp.FACILITY,
        recovery.FACILITY,
        memory_temperature.FACILITY,
        thermal_limits.FACILITY,
        fans.FACILITY,
        modes.FACILITY,
        bar1.FACILITY,
        engines.FACILITY,
        ecc_locations.FACILITY,
        sram_ecc.FACILITY,
        ecc_lifetime.FACILITY,
        mig.FACILITY,
        gpm.FACILITY,
        gpm_detail.FACILITY,
        processes.FACILITY,
        users.FACILITY,
        process_memory.FACILITY,
        vgpu_license.FACILITY,
    ),
)
RDMA = Family(
    name="rdma",
    reads="RDMA ports, from sysfs",
    worker="exporters.rdma.worker",
    facilities=(
        port.FACILITY,
        counters.FACILITY,
        statistics.FACILITY,
        inventory.FACILITY,
        history.FACILITY,
    ),
)
RDMA_ETHTOOL = Family(
    name="rdma_ethtool",
    reads="network interfaces of RDMA ports, through ethtool",
    worker="exporters.rdma.ethtool_worker",
    facilities=(
        roce.FACILITY,
        roce.DETAIL_FACILITY,
        modules.FACILITY,
        modules.DETAIL_FACILITY,
    ),
)
RDMA_NETLINK = Family(
    name="rdma_netlink",
    reads="RDMA devices, through the kernel's NETLINK_RDMA",
    worker="exporters.rdma.nldev_worker",
    facilities=(
        nldev_links.NAMESPACES,
        nldev_links.FACILITY,
        nldev_resources.FACILITY,
        nldev_counters.FACILITY,
    ),
)
TOPOLOGY = Family(
    name="topology",
    reads="where GPUs and NICs stand",
    worker="exporters.topology.worker",
    facilities=(neighbors.FACILITY, places.FACILITY),  # in this order: rails need neighbours
)
FABRIC = Family(
    name="fabric",
    reads="the InfiniBand fabric as a whole, through infiniband-diags; one instance a fabric",
    worker="exporters.fabric.worker",
    facilities=(fabric_topology.FACILITY, fabric_links.FACILITY, fabric_counters.FACILITY),
    on=False,
)
UPLINK = Family(
    name="uplink",
    reads="dedicated lines, as --uplink.config.file names them",
    worker="exporters.uplink.worker",
    facilities=(
        configured.FACILITY,
        interfaces.FACILITY,
        limiters.FACILITY,
        uplink_pods.FACILITY,
        probes.TCP_PROBES,
        probes.ICMP_PROBES,
        disks.FACILITY,
    ),
    on=False,
)
NODE = Family(
    name="node",
    reads="the node itself",
    worker="exporters.node.worker",
    facilities=(boot.FACILITY, kernel_log.FACILITY),
)
ALLOCATION = Family(
    name="allocation",
    reads="who holds the GPUs, from the kubelet",
    worker="exporters.allocation.worker",
    facilities=(names.FACILITY, pods.FACILITY),
)
HPC = Family(
    name="hpc",
    reads="which batch jobs use the GPUs, where --hpc-job-mapping-dir is given",
    worker="exporters.allocation.jobs_worker",
    facilities=(jobs.FACILITY,),
)

FAMILIES: tuple[Family, ...] = (
    GPU,
    RDMA,
    RDMA_ETHTOOL,
    RDMA_NETLINK,
    TOPOLOGY,
    FABRIC,
    UPLINK,
    NODE,
    ALLOCATION,
    HPC,
)


def chosen(family: Family, keys: frozenset[str]) -> tuple[Facility[Any], ...]:
    """Return the family's facilities among these keys."""
    return tuple(facility for facility in family.facilities if facility.key in keys)


def worker_modules(keys: frozenset[str]) -> dict[str, str]:
    """Return the worker module of each family of which something is read."""
    return {family.name: family.worker for family in FAMILIES if chosen(family, keys)}
