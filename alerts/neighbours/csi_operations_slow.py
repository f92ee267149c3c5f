"""Mounting volumes of a CSI driver takes long."""

from datetime import timedelta

from alerts.devices import shown
from alerts.model import Alert, Scenario
from alerts.neighbouring import KUBELET, WINDOW, about, seconds, slow, slow_seen
from catalog.neighbours import CSI_OPERATIONS

MOUNTS = ("/csi.v1.Node/NodeStageVolume", "/csi.v1.Node/NodePublishVolume")
DEVICE = about(
    f"CSI driver {shown('driver_name')}",
    KUBELET,
    {"driver_name": "nfs.csi.k8s.io"},
    {"driver_name": "nasplugin.csi.alibabacloud.com"},
)

ALERT = Alert(
    name="CsiOperationsSlow",
    device=DEVICE,
    needs_fleet=True,
    expr=slow(CSI_OPERATIONS, "driver_name", method_name=MOUNTS),
    notices=WINDOW,
    hold=timedelta(minutes=5),
    severity="warning",
    summary=f"{DEVICE.title} mounts slowly",
    description=(
        f"{DEVICE.title} takes more than $seconds s on average to mount a volume. Many pods that "
        "start at once share the service's limits; look at its own metrics, and at how many "
        "mounts a node has."
    ),
    why="Every rank of a job mounts before it starts, and the slowest one decides.",
    first_step="Compare nodes on the dashboard of storage.",
    thresholds=(seconds(30, "our own guess: a quarter of the kubelet's limit of two minutes"),),
    scenarios=(
        Scenario(
            name="mounts take a minute",
            signals=slow_seen(CSI_OPERATIONS, method_name=MOUNTS[1]),
        ),
    ),
)
