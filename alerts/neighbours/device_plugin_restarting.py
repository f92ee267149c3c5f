"""A device plugin registers again and again."""

from datetime import timedelta

from alerts.devices import shown
from alerts.model import Alert, At, Rising, Scenario, Signal, Threshold
from alerts.neighbouring import KUBELET, increase, of_node
from alerts.promql import Series
from catalog.labels import NODE
from catalog.neighbours import PLUGIN_REGISTRATIONS

HOUR = timedelta(hours=1)
REGISTERED = Series(PLUGIN_REGISTRATIONS.name)
DEVICE = of_node(
    f"Device plugin of {shown('resource_name')} on {shown(NODE)}",
    KUBELET,
    resource_name="nvidia.com/gpu",
)

ALERT = Alert(
    name="DevicePluginRestarting",
    device=DEVICE,
    expr=f"{increase(REGISTERED, NODE, 'resource_name', over=HOUR)} >= $times",
    notices=HOUR,
    severity="warning",
    summary=f"{DEVICE.title} starts again and again",
    description=(
        f"{DEVICE.title} registered with the kubelet $times times or more within an hour. Each "
        "time its devices are unwell for a moment, and a pod that starts just then is refused "
        "with UnexpectedAdmissionError. Look at why its container ends."
    ),
    why="Pods fail to start on a node that looks well.",
    first_step="Run kubectl describe on the plugin's pod and read its last state.",
    thresholds=(
        Threshold(
            name="times",
            default=4,
            meaning="Registrations within an hour.",
            source="our own guess: once for a start, twice for a roll-out",
        ),
    ),
    scenarios=(
        Scenario(
            name="its container crashes",
            signals=(
                Signal(
                    series=REGISTERED,
                    healthy=1,
                    below=Rising(rate=At(threshold="times", times=0.8 / 3600)),
                    faulty=Rising(rate=At(threshold="times", times=2 / 3600)),
                ),
            ),
        ),
    ),
)
