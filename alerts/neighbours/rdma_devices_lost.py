"""A node gives fewer RDMA devices to pods than it had within a day."""

from datetime import timedelta

from alerts.devices import shown
from alerts.model import Alert, Scenario, Signal, Threshold
from alerts.neighbouring import STATE, most, of_node
from alerts.promql import select
from catalog.labels import CLUSTER, NODE
from catalog.neighbours import ALLOCATABLE
from catalog.neighbours_nodes import NODE_CAPACITY

NAMES = (
    "rdma_.+",
    "mellanox_com_.+",
    "nvidia_com_.*(rdma|hostdev|sriov|vf).*",
    "intel_com_.*rdma.*",
)
HAS = select(NODE_CAPACITY, resource=NAMES)
GIVES = select(ALLOCATABLE, resource=NAMES)
ONE = "rdma_hca_shared_devices_a"
HAS_ONE = select(NODE_CAPACITY, resource=ONE)
GIVES_ONE = select(ALLOCATABLE, resource=ONE)
DEVICE = of_node(f"Node {shown(NODE)} ({shown('resource')})", STATE, resource=ONE)

ALERT = Alert(
    name="RdmaDevicesLost",
    device=DEVICE,
    needs_fleet=True,
    expr=f"""
        {most(GIVES, NODE, "resource")}
        < on ({CLUSTER}, {NODE}, resource)
        $share * {most(f"max_over_time({HAS}[$memory])", NODE, "resource")}
        """,
    hold=timedelta(minutes=15),
    severity="warning",
    summary=f"{DEVICE.title} gives fewer RDMA devices to pods than before",
    description=(
        f"{DEVICE.title} has less to give than it had within $memory. Look at the RDMA device "
        "plugin's pod on the node and at the ports: a device that is gone from the PCI bus, or "
        "whose virtual functions were not made again after a reboot."
    ),
    why="Pods that want RDMA no longer fit on the node, or share fewer rails.",
    first_step="Compare ip link and rdma dev on the node with what the plugin is configured for.",
    thresholds=(
        Threshold(
            name="share",
            default=1,
            meaning="Share of what it had that must be there.",
            source="each device is a rail",
        ),
        Threshold(
            name="memory",
            default=timedelta(days=1),
            meaning="How long what was there is remembered.",
            source="our own guess: a change that is meant is forgotten in a day",
        ),
    ),
    scenarios=(
        Scenario(
            name="the plugin comes back with nothing",
            signals=(
                Signal(series=HAS_ONE, healthy=64, faulty=0),
                Signal(series=GIVES_ONE, healthy=64, below=64, faulty=0),
            ),
        ),
    ),
)
