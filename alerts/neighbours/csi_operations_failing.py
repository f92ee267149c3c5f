"""Calls of kubelets to a CSI driver fail.

What a driver does not implement is asked of it all the same, and is no failure.
"""

from datetime import timedelta

from alerts.devices import shown
from alerts.model import Alert, Scenario
from alerts.neighbouring import KUBELET, WINDOW, about, failing, failures, failures_seen, part, rate
from alerts.promql import Series
from catalog.neighbours import CSI_OPERATIONS

FAILED = Series(f"{CSI_OPERATIONS.name}_count", ('grpc_status_code!~"OK|Unimplemented"',))
EVERY = Series(f"{CSI_OPERATIONS.name}_count")
DEVICE = about(
    f"CSI driver {shown('driver_name')}",
    KUBELET,
    {"driver_name": "nfs.csi.k8s.io"},
    {"driver_name": "nasplugin.csi.alibabacloud.com"},
)

ALERT = Alert(
    name="CsiOperationsFailing",
    device=DEVICE,
    needs_fleet=True,
    expr=failing(FAILED, rate(EVERY, "driver_name"), "driver_name"),
    notices=WINDOW,
    hold=timedelta(minutes=5),
    severity="warning",
    summary=f"{DEVICE.title} fails on nodes",
    description=(
        f"Of the kubelets' calls to {DEVICE.title} more than $share fail. See which method and "
        "which status, and whether on all nodes (the storage) or some (their driver's pod, their "
        "route to it)."
    ),
    why="Pods with such volumes do not start, or do not end.",
    first_step="Open the dashboard of storage and look at failures by method.",
    thresholds=failures(0.1),
    scenarios=(
        Scenario(
            name="the server does not answer",
            signals=failures_seen(
                part(CSI_OPERATIONS, "_count", grpc_status_code="DeadlineExceeded"),
                part(CSI_OPERATIONS, "_count", grpc_status_code="OK"),
            ),
        ),
    ),
)
