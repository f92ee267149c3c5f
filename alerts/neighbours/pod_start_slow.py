"""Pods start slowly once a kubelet has them.

Not the start-up SLI of Kubernetes, which counts from the pod's creation and so takes a gang's
waiting for its place for a slow start.
"""

from datetime import timedelta

from alerts.devices import shown
from alerts.model import Alert, Scenario
from alerts.neighbouring import KUBELET, WINDOW, of_node, seconds, slow, slow_seen
from catalog.labels import NODE
from catalog.neighbours_nodes import POD_START_SEEN

DEVICE = of_node(f"Node {shown(NODE)}", KUBELET)

ALERT = Alert(
    name="PodStartSlow",
    device=DEVICE,
    expr=slow(POD_START_SEEN, NODE),
    notices=WINDOW,
    hold=timedelta(minutes=5),
    severity="info",
    summary=f"Pods start slowly on {DEVICE.title}",
    description=(
        f"On {DEVICE.title} a pod takes more than $seconds s on average from when the kubelet "
        "sees it to when it runs. See which part it is: pulling of images (ImagePullSlow), volumes "
        "(CsiOperationsSlow), the sandbox (SandboxSlow) or devices (DevicePluginSlow)."
    ),
    why="All GPUs of a gang are held from the first rank on, and idle until the last one runs.",
    first_step="Open the dashboard of images, then that of storage, for the node.",
    thresholds=(seconds(900, "our own guess: an image of 30 GB at 1 Gbit/s and some minutes"),),
    scenarios=(
        Scenario(
            name="pods take twice as long",
            signals=slow_seen(POD_START_SEEN),
        ),
    ),
)
