"""A device plugin calls GPUs unwell."""

from datetime import timedelta

from alerts.devices import shown
from alerts.model import Alert, Scenario, Signal, Threshold
from alerts.neighbouring import GPU_RESOURCE, STATE, most, of_node
from alerts.promql import select
from catalog.labels import NODE
from catalog.neighbours import ALLOCATABLE
from catalog.neighbours_nodes import NODE_CAPACITY

HAS = select(NODE_CAPACITY, resource=GPU_RESOURCE)
GIVES = select(ALLOCATABLE, resource=GPU_RESOURCE)
DEVICE = of_node(f"Node {shown(NODE)}", STATE)

ALERT = Alert(
    name="GpuAllocatableLow",
    device=DEVICE,
    needs_fleet=True,
    expr=f"{most(HAS, NODE)} - {most(GIVES, NODE)} >= $missing",
    hold=timedelta(minutes=10),
    severity="warning",
    summary=f"{DEVICE.title} gives fewer GPUs to pods than it has",
    description=(
        f"{DEVICE.title} has $missing or more GPUs that its device plugin calls unwell. Read the "
        "plugin's log for the Xid or NVML error by which it took them out, and see whether "
        "railwatch knows a fault of them."
    ),
    why="These GPUs get no new pods, and jobs that want a whole node never fit there.",
    first_step="Read the device plugin's log on the node.",
    thresholds=(
        Threshold(
            name="missing",
            default=1,
            meaning="GPUs that the node has and does not give.",
            source="the kubelet keeps nothing back of a device plugin's resource",
        ),
    ),
    scenarios=(
        Scenario(
            name="two of eight are called unwell",
            signals=(
                Signal(series=HAS, healthy=8),
                Signal(series=GIVES, healthy=8, below=8, faulty=6),
            ),
        ),
    ),
)
