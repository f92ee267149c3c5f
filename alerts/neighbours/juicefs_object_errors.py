"""Requests of a JuiceFS volume to its object store fail."""

from datetime import timedelta

from alerts.devices import shown
from alerts.model import Alert, Scenario
from alerts.neighbouring import WINDOW, about, failing, failures, failures_seen, part, rate
from alerts.promql import Series
from catalog.neighbours import JUICEFS_OBJECT_ERRORS
from catalog.neighbours_jobs import JUICEFS_REQUESTS

FAILED, EVERY = Series(JUICEFS_OBJECT_ERRORS.name), part(JUICEFS_REQUESTS, "_count")
DEVICE = about(
    f"JuiceFS volume {shown('vol_name')}",
    "juicefs",
    {"vol_name": "datasets"},
    {"vol_name": "checkpoints"},
    also={"mp": "/jfs"},
)

ALERT = Alert(
    name="JuicefsObjectErrors",
    device=DEVICE,
    needs_fleet=True,
    expr=failing(FAILED, f"({rate(EVERY, 'vol_name')} > 0)", "vol_name"),
    notices=WINDOW,
    hold=timedelta(minutes=5),
    severity="warning",
    summary=f"Requests of {DEVICE.title} to its object store fail",
    description=(
        f"More than $share of the requests of {DEVICE.title} to its object store fail. The "
        "clients try again, so jobs slow down before they fail. Look at the client's log for the "
        "store's answer: throttled, denied, or no answer."
    ),
    why="Reads stall GPUs, and writes pile up on the node's disk.",
    first_step="Read the mount pod's log.",
    thresholds=failures(0.02),
    scenarios=(Scenario(name="the store throttles", signals=failures_seen(FAILED, EVERY)),),
)
