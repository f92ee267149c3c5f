"""Series that recording rules make of the fleet, so that no panel of all asks device by device.

Each carries, beside the labels named here, the label that tells clusters apart. Most are sums and
counts, so that those of several Prometheus shards add up; what is not, the global view records.
"""

from dataclasses import dataclass

from catalog.gpu import (
    GPU_ENERGY,
    GPU_MEMORY_CAPACITY,
    GPU_MEMORY_USED,
    GPU_POWER,
    GPU_POWER_LIMIT,
    GPU_STATE,
    GPU_UTILIZATION,
    GPU_XID_ERRORS,
)
from catalog.labels import CONDITION, NODE, UUID, VERDICT
from catalog.metrics import Kind, Metric
from catalog.rdma import (
    RDMA_PORT_LINK_DOWNED,
    RDMA_PORT_RATE,
    RDMA_PORT_RECEIVE,
    RDMA_PORT_TRANSMIT,
)
from catalog.rdma_counters import BY_FILE
from catalog.rdma_ethernet import RDMA_PAUSE_SECONDS

PREFIX = "railwatch:"
RATE_WINDOW = "5m"
"""What rates are recorded over: the shortest that holds four scrapes at any interval we allow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded(Metric):
    """A series that a recording rule makes; `source` says from what."""

    def __post_init__(self) -> None:
        """Refuse a name that looks like an exporter's."""
        if not self.name.startswith(PREFIX):
            raise ValueError(f"{self.name}: what rules record begins with {PREFIX}")


def _recorded(name: str, text: str, *labels: str, unit: str = "", source: str) -> Recorded:
    return Recorded(
        name=PREFIX + name, kind=Kind.GAUGE, unit=unit, labels=labels, help=text, source=source
    )


def _of(metric: Metric, kind: str, *labels: str, stem: str = "") -> Recorded:
    name = metric.name.removeprefix("railwatch_").removesuffix("_total")
    return _recorded(
        f"{stem}{name}:{kind}", metric.help, *labels, unit=metric.unit, source=metric.name
    )


COVERED, BLIND, SILENT = "covered", "blind", "silent"
COVERAGES = (COVERED, BLIND, SILENT)
"""covered: every facility that the node has is observed; blind: one is not; silent: the exporter
does not answer."""

BUSY, IDLE, FREE, LOST = "busy", "idle", "free", "lost"
USES = (BUSY, IDLE, FREE, LOST)
"""busy: it works; idle: a pod holds it and it does not; free: nobody has it; lost: it has a fault
that keeps work away, whoever holds it."""

ACTIVE, DOWN, OTHER = "active", "down", "other"
PORT_CONDITIONS = (ACTIVE, DOWN, OTHER)
"""down: it should be active and is not, or is not seen; other: not active, and nobody expects it to
be."""

GOODPUT, TELEMETRY = "goodput", "telemetry"
OBJECTIVES = (GOODPUT, TELEMETRY)
"""goodput: GPU-hours not lost to faults; telemetry: nodes of which everything is observed."""

NO_TYPE = "unknown"
"""Instance type of nodes of which kube-state-metrics tells none."""

NODES = _recorded("nodes", "Nodes by what is seen of them.", "coverage", source="up, observed")
GPUS = _recorded("gpus", "GPUs by state.", "state", source=GPU_STATE.name)
COLLECTORS = _recorded(
    "collectors", "Collectors by state.", "family", "facility", "state", source="collector_state"
)
OPEN_FAULTS = _recorded(
    "open_faults",
    "Firing alerts that the bridge acts on.",
    *(CONDITION, VERDICT),
    source="ALERTS",
)
GPU_LOST = _recorded(
    "gpu_lost",
    "1 for each GPU that a fault keeps work away from: not ok, or an alert with verdict cordon or "
    "drain fires for it or its node; else absent.",
    *(NODE, UUID),
    source="gpu_state, ALERTS",
)
GPU_HELD = _recorded(
    "gpu_held",
    "The part of a GPU that a namespace holds.",
    *(NODE, UUID, "namespace"),
    source="gpu_allocation, gpu_mig_info",
)
GPU_UNHELD = _recorded(
    "gpu_unheld", "The part of a GPU that nobody holds.", *(NODE, UUID), source="gpu_held"
)
"""With the two before it the only ones that grow with devices: about one more to 250 a GPU."""

NODE_GPU_USE = _recorded(
    "node_gpu_use",
    "GPUs of a node by who holds them (parts of one that is shared count as such) and how they "
    "are used.",
    *(NODE, "namespace", "use"),
    source="gpu_held, gpu_unheld, gpu_lost, gpu_utilization",
)
GPU_USE = _recorded(
    "gpu_use", "GPUs by who holds them and use.", "namespace", "use", source="node_gpu_use"
)

GPU_SUMS = tuple(
    _of(metric, "sum")
    for metric in (
        *(GPU_UTILIZATION, GPU_MEMORY_USED, GPU_MEMORY_CAPACITY),
        *(GPU_POWER, GPU_POWER_LIMIT),
    )
)
"""Sums over all GPUs."""
UTILIZATION_SUM, MEMORY_USED_SUM, MEMORY_CAPACITY_SUM, POWER_SUM, POWER_LIMIT_SUM = GPU_SUMS
UTILIZATION_COUNT = _of(GPU_UTILIZATION, "count")
XID_RATE = _of(GPU_XID_ERRORS, f"rate{RATE_WINDOW}", "resolution")
ENERGY_RATE = _of(GPU_ENERGY, f"rate{RATE_WINDOW}")

RAIL = ("rail", "leaf")
RAIL_PORTS = _recorded(
    "rail_ports",
    "RDMA ports by rail, leaf switch (each `unknown` where it is not known) and whether they work.",
    *(*RAIL, "state"),
    source="rdma_port_state, rdma_port_expected, rdma_topology_info",
)
RAIL_CAPACITY = _of(RDMA_PORT_RATE, "sum", *RAIL, stem="rail_")
RAIL_RATES = {
    metric: _of(metric, f"rate{RATE_WINDOW}", *RAIL, stem="rail_")
    for metric in (
        RDMA_PORT_RECEIVE,
        RDMA_PORT_TRANSMIT,
        RDMA_PORT_LINK_DOWNED,
        BY_FILE["symbol_error"],
        BY_FILE["port_xmit_wait"],
        BY_FILE["np_cnp_sent"],
        BY_FILE["rp_cnp_handled"],
        BY_FILE["np_ecn_marked_roce_packets"],
        BY_FILE["out_of_sequence"],
        BY_FILE["out_of_buffer"],
    )
}
"""What is recorded of a port's counter, over all ports of a rail and leaf."""
RAIL_PAUSED = _of(RDMA_PAUSE_SECONDS, f"rate{RATE_WINDOW}", *RAIL, "direction", stem="rail_")

BIT_ERRORS, DOWNS, UNCORRECTABLE, MODULE = "bit_errors", "downs", "uncorrectable", "module"
SUSPICIONS = (BIT_ERRORS, DOWNS, UNCORRECTABLE, MODULE)
"""Why a link may want a new cable: errors a bit, times it went down and blocks that error
correction could not put right, both within a day, flags that its module raises."""

LINK_SUSPECT = _recorded(
    "link_suspect",
    "How bad a port's link is, for each reason to suspect its cable or module; else absent.",
    *(NODE, "device", "port", "reason"),
    source="rdma_port_bit_error_ratio, rdma_port_downs, rdma_ethernet_fec_…, rdma_module_flags",
)

POD_WORKLOAD = _recorded(
    "pod_workload",
    "The workload that a pod with GPUs belongs to; always 1.",
    *("namespace", "pod", "workload", "workload_kind"),
    source="kube-state-metrics: kube_pod_owner, kube_pod_labels, …",
)
TEAM = _recorded(
    "team", "The team that a namespace belongs to; always 1.", "namespace", "team", source="[teams]"
)
GPU_PRICE = _recorded(
    "gpu_price_per_hour",
    "What a GPU costs an hour, by instance type.",
    "instance_type",
    source="[prices]",
)
GPU_SPEND = _recorded(
    "gpu_spend_per_hour",
    "What GPUs cost an hour, by who holds them, instance type and use.",
    *("namespace", "instance_type", "use"),
    source="node_gpu_use, gpu_price_per_hour, kube_node_labels",
)

SLO_ERRORS = _recorded(
    "slo_errors:ratio", "Share of what should be good that is not, now.", "slo", source="gpu_use"
)
SLO_BURN = _recorded(
    "slo_burn_rate",
    "How many times faster than the objective allows errors came, over a window.",
    *("slo", "window"),
    source="slo_errors",
)
SLO_OBJECTIVE = _recorded("slo_objective", "The share that should be good.", "slo", source="[slo]")

RECORDED: tuple[Recorded, ...] = (
    *(NODES, GPUS, COLLECTORS, OPEN_FAULTS),
    *(*GPU_SUMS, UTILIZATION_COUNT, XID_RATE, ENERGY_RATE),
    *(GPU_LOST, GPU_HELD, GPU_UNHELD, NODE_GPU_USE, GPU_USE),
    *(RAIL_PORTS, RAIL_CAPACITY, *RAIL_RATES.values(), RAIL_PAUSED, LINK_SUSPECT),
    *(POD_WORKLOAD, TEAM, GPU_PRICE, GPU_SPEND),
    *(SLO_ERRORS, SLO_BURN, SLO_OBJECTIVE),
)
