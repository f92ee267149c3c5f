"""Pulling images takes long."""

from datetime import timedelta

from alerts.devices import shown
from alerts.model import Alert, Scenario
from alerts.neighbouring import KUBELET, WINDOW, of_node, seconds, slow, slow_seen
from catalog.labels import NODE
from catalog.neighbours import IMAGE_PULL

DEVICE = of_node(f"Node {shown(NODE)}", KUBELET)

ALERT = Alert(
    name="ImagePullSlow",
    device=DEVICE,
    expr=slow(IMAGE_PULL, NODE),
    notices=WINDOW,
    hold=timedelta(minutes=5),
    severity="info",
    summary=f"Images are pulled slowly on {DEVICE.title}",
    description=(
        f"On {DEVICE.title} an image takes more than $seconds s on average. See whether other "
        "nodes are as slow (registry, line) or only this one (disk, network), and how much peers "
        "brought."
    ),
    why="GPUs are held and idle until the image is there.",
    first_step="Compare with other nodes on the dashboard of images.",
    thresholds=(seconds(600, "our own guess: 30 GB at 400 Mbit/s"),),
    scenarios=(
        Scenario(
            name="the registry is slow",
            signals=slow_seen(IMAGE_PULL, image_size_in_bytes="10GB-25GB"),
        ),
    ),
)
