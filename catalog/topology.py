"""The node's topology: its words, and the metrics that tell the places of NICs."""

from catalog.metrics import Metric, gauge
from catalog.rdma import PORT

VERSION = 1
"""Of the document at /topology; it grows with any change that a reader of it could trip over."""

AFFINITIES = ("PIX", "PXB", "PHB", "NODE", "SYS")
"""From GPU to NIC, nearest first, in nvidia-smi's terms: one PCIe switch, several, one host bridge,
one NUMA node, between NUMA nodes."""

PIX, PXB, PHB, NODE, SYS = AFFINITIES

ROLES = ("compute", "storage", "management")
COMPUTE, STORAGE, MANAGEMENT = ROLES

UNKNOWN = "unknown"
"""What could not be determined; the reason stands beside it."""

RDMA_TOPOLOGY_INFO = gauge(
    "railwatch_rdma_topology_info",
    "Place of an RDMA port in the network; always 1. `role` is compute, storage, management or "
    "unknown; `rail` is its number among the compute ports, `leaf` the switch that LLDP names; "
    "both empty where not known.",
    labels=(*PORT, "rail", "leaf", "role"),
    source="sysfs, LLDP, --topology.roles-file",
)
RDMA_GPU_AFFINITY = gauge(
    "railwatch_rdma_gpu_affinity_info",
    "An RDMA device that is as near to a GPU as any is; always 1. `affinity` is PIX, PXB, PHB, "
    "NODE or SYS as nvidia-smi has them.",
    labels=("device", "gpu", "uuid", "affinity"),
    source="sysfs: bus/pci/devices",
)
RDMA_GPU_PATH = gauge(
    "railwatch_rdma_gpu_path_bytes_per_second",
    "What the narrowest PCIe link between a GPU and an RDMA device near it can carry, one "
    "direction, encoding taken off.",
    labels=("device", "gpu", "uuid"),
    unit="bytes_per_second",
    source="sysfs: max_link_speed, current_link_width, max_link_width",
)
RDMA_RAIL_MISCABLED = gauge(
    "railwatch_rdma_rail_miscabled",
    "1 for a compute port whose leaf is another than the one declared for its rail, 0 where it is "
    "that one.",
    labels=(*PORT, "rail", "leaf", "expected"),
    source="LLDP; --topology.roles-file",
)
RDMA_LLDP_NEIGHBOR = gauge(
    "railwatch_rdma_lldp_neighbor_info",
    "The switch port that a network interface is plugged into; always 1.",
    labels=("netdev", "system", "chassis", "switch_port"),
    source="--lldp.file, or LLDP frames",
)
RDMA_LLDP_SILENT = gauge(
    "railwatch_rdma_lldp_silent",
    "1 for a network interface with a link on which no LLDP frame came for --lldp.silence: the "
    "switch sends none, or the NIC's firmware keeps them for itself; 0 while that is awaited; "
    "absent where the neighbour is known.",
    labels=("netdev",),
    source="LLDP frames",
)

METRICS: tuple[Metric, ...] = (
    RDMA_TOPOLOGY_INFO,
    RDMA_GPU_AFFINITY,
    RDMA_GPU_PATH,
    RDMA_RAIL_MISCABLED,
    RDMA_LLDP_NEIGHBOR,
    RDMA_LLDP_SILENT,
)
