"""A device plugin takes long to give devices to a container."""

from datetime import timedelta

from alerts.devices import shown
from alerts.model import Alert, Scenario
from alerts.neighbouring import KUBELET, WINDOW, of_node, seconds, slow, slow_seen
from catalog.labels import NODE
from catalog.neighbours import PLUGIN_ALLOCATION

DEVICE = of_node(
    f"Device plugin of {shown('resource_name')} on {shown(NODE)}",
    KUBELET,
    resource_name="nvidia.com/gpu",
)

ALERT = Alert(
    name="DevicePluginSlow",
    device=DEVICE,
    expr=slow(PLUGIN_ALLOCATION, NODE, "resource_name"),
    notices=WINDOW,
    hold=timedelta(minutes=5),
    severity="warning",
    summary=f"{DEVICE.title} takes long to give devices",
    description=(
        f"{DEVICE.title} takes more than $seconds s on average to give devices to a container. "
        "It asks the driver: see whether nvidia-smi is slow there too, and whether railwatch "
        "calls a GPU hung."
    ),
    why="Pods start late, and a driver that answers slowly is about to stop answering.",
    first_step="Time nvidia-smi -L on the node.",
    thresholds=(seconds(5, "our own guess: it is milliseconds on a node that is well"),),
    scenarios=(Scenario(name="the driver answers slowly", signals=slow_seen(PLUGIN_ALLOCATION)),),
)
