"""A GPU device plugin runs and has nothing to give."""

from datetime import timedelta

from alerts.devices import shown
from alerts.model import Alert, Scenario, Signal
from alerts.neighbouring import GPU_RESOURCE, STATE, most, of_node
from alerts.promql import Series, select
from catalog.labels import CLUSTER, NODE
from catalog.neighbours import PLUGIN_REGISTRATIONS
from catalog.neighbours_nodes import NODE_CAPACITY

HAS = select(NODE_CAPACITY, resource=GPU_RESOURCE)
OTHERWISE = Series(NODE_CAPACITY.name, ('resource=~"nvidia_com_(mig_.+|gpu_shared)"',))
REGISTERED = select(PLUGIN_REGISTRATIONS, resource_name="nvidia.com/gpu")
DEVICE = of_node(f"Node {shown(NODE)}", STATE)

ALERT = Alert(
    name="GpuPluginEmpty",
    device=DEVICE,
    needs_fleet=True,
    expr=f"""
        {most(HAS, NODE)} == 0
        and on ({CLUSTER}, {NODE}) {REGISTERED} > 0
        unless on ({CLUSTER}, {NODE}) {OTHERWISE} > 0
        """,
    hold=timedelta(minutes=15),
    severity="critical",
    summary=f"{DEVICE.title} has a GPU device plugin and no GPU",
    description=(
        f"On {DEVICE.title} a device plugin has registered nvidia.com/gpu with the kubelet, which "
        "has none of it: the plugin found no GPU, or has gone since. Look at the plugin's pod, "
        "then at the driver with nvidia-smi."
    ),
    why="A whole GPU node takes no GPU pod, and looks Ready.",
    first_step="Look whether the device plugin's pod runs on the node, and what it logs.",
    scenarios=(
        Scenario(
            name="the plugin finds no GPU",
            signals=(
                Signal(series=REGISTERED, healthy=1),
                Signal(series=HAS, healthy=8, below=1, faulty=0),
            ),
        ),
        Scenario(
            name="its devices are given as slices",
            signals=(
                Signal(series=REGISTERED, healthy=1),
                Signal(series=HAS, healthy=8, below=0, faulty=0),
                Signal(
                    series=select(NODE_CAPACITY, resource="nvidia_com_mig_1g_10gb"),
                    healthy=7,
                    faulty=0,
                ),
            ),
        ),
    ),
)
