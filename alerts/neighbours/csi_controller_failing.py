"""Calls of sidecars to a CSI driver's controller fail."""

from datetime import timedelta

from alerts.devices import shown
from alerts.model import Alert, Scenario
from alerts.neighbouring import WINDOW, about, failing, failures, failures_seen, part, rate
from alerts.promql import Series
from catalog.neighbours import CSI_SIDECAR

FAILED = Series(f"{CSI_SIDECAR.name}_count", ('grpc_status_code!~"OK|Unimplemented"',))
EVERY = Series(f"{CSI_SIDECAR.name}_count")
DEVICE = about(
    f"The controller of CSI driver {shown('driver_name')}",
    "csi-sidecar",
    {"driver_name": "nfs.csi.k8s.io"},
    {"driver_name": "nasplugin.csi.alibabacloud.com"},
)

ALERT = Alert(
    name="CsiControllerFailing",
    device=DEVICE,
    needs_fleet=True,
    expr=failing(FAILED, rate(EVERY, "driver_name"), "driver_name"),
    notices=WINDOW,
    hold=timedelta(minutes=5),
    severity="warning",
    summary=f"{DEVICE.title} fails",
    description=(
        f"More than $share of the sidecars' calls to {DEVICE.title} fail: volumes are not made, "
        "attached or resized. Read the events of a PersistentVolumeClaim that waits; quota and "
        "credentials are the usual reasons."
    ),
    why="New jobs wait for their volumes.",
    first_step="Run kubectl describe pvc on one that is Pending.",
    thresholds=failures(0.2),
    scenarios=(
        Scenario(
            name="the quota is used up",
            signals=failures_seen(
                part(CSI_SIDECAR, "_count", grpc_status_code="ResourceExhausted"),
                part(CSI_SIDECAR, "_count", grpc_status_code="OK"),
            ),
        ),
    ),
)
