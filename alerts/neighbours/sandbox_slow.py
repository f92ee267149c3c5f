"""Making a pod's sandbox takes long: the network plugin, as a rule."""

from datetime import timedelta

from alerts.devices import shown
from alerts.model import Alert, Scenario
from alerts.neighbouring import KUBELET, WINDOW, of_node, seconds, slow, slow_seen
from catalog.labels import NODE
from catalog.neighbours_nodes import SANDBOX

DEVICE = of_node(f"Node {shown(NODE)}", KUBELET)

ALERT = Alert(
    name="SandboxSlow",
    device=DEVICE,
    expr=slow(SANDBOX, NODE),
    notices=WINDOW,
    hold=timedelta(minutes=5),
    severity="warning",
    summary=f"Pods get their network slowly on {DEVICE.title}",
    description=(
        f"On {DEVICE.title} a pod's sandbox takes more than $seconds s on average. Nearly all of "
        "it is the network plugin: look at how long its address and interface calls take, and at "
        "its cloud's limits on them."
    ),
    why="A gang starts with its slowest rank.",
    first_step="Read the network plugin's log on the node.",
    thresholds=(seconds(15, "our own guess: it is one or two seconds on a node that is well"),),
    scenarios=(
        Scenario(
            name="addresses come slowly",
            signals=slow_seen(SANDBOX),
        ),
    ),
)
