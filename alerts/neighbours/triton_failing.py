"""A model that Triton serves does not answer."""

from datetime import timedelta

from alerts.devices import shown
from alerts.model import Alert, Scenario
from alerts.neighbouring import WINDOW, failing, failures, failures_seen, of_namespace, rate
from alerts.promql import Series
from catalog.labels import NAMESPACE
from catalog.neighbours_jobs import TRITON_FAILED, TRITON_SERVED

FAILED, SERVED = Series(TRITON_FAILED.name), Series(TRITON_SERVED.name)
KEYS = (NAMESPACE, "model")
DEVICE = of_namespace(f"Model {shown('model')} in {shown(NAMESPACE)}", "triton", model="resnet")

ALERT = Alert(
    name="TritonFailing",
    device=DEVICE,
    needs_fleet=True,
    expr=failing(FAILED, f"({rate(SERVED, *KEYS)} + {rate(FAILED, *KEYS)})", *KEYS),
    notices=WINDOW,
    hold=timedelta(minutes=5),
    severity="warning",
    summary=f"Requests to {DEVICE.title} fail",
    description=(
        f"More than $share of the requests to {DEVICE.title} fail. Triton's log says whether the "
        "backend failed, the queue rejected them or those who asked went away."
    ),
    why="Those who ask get errors.",
    first_step="Read Triton's log of the model.",
    thresholds=failures(0.05),
    scenarios=(Scenario(name="its backend fails", signals=failures_seen(FAILED, SERVED)),),
)
