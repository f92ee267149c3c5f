"""Requests pile up before a vLLM model."""

from datetime import timedelta

from alerts.devices import shown
from alerts.model import Alert, At, Scenario, Signal, Threshold
from alerts.neighbouring import OWN_GUESS, of_namespace
from alerts.promql import Series
from catalog.labels import CLUSTER, NAMESPACE
from catalog.neighbours_jobs import VLLM_WAITING

WAITS = Series(VLLM_WAITING.name)
MODEL = "model_name"
DEVICE = of_namespace(f"Model {shown(MODEL)} in {shown(NAMESPACE)}", "vllm", model_name="llm-70b")

ALERT = Alert(
    name="VllmQueueing",
    device=DEVICE,
    needs_fleet=True,
    expr=f"avg by ({CLUSTER}, {NAMESPACE}, {MODEL}) ({WAITS}) > $requests",
    hold=timedelta(minutes=10),
    severity="warning",
    summary=f"Requests wait for {DEVICE.title}",
    description=(
        f"Before each engine of {DEVICE.title} more than $requests requests have waited on "
        "average for ten minutes. Add replicas, or see why some are slower than others: a GPU "
        "that clocks low, a cache that is full."
    ),
    why="Those who ask wait for their first word.",
    first_step="Compare the engines: do all of them queue, or one?",
    thresholds=(
        Threshold(
            name="requests", default=20, meaning="Requests that wait, an engine.", source=OWN_GUESS
        ),
    ),
    scenarios=(
        Scenario(
            name="more is asked than is answered",
            signals=(
                Signal(
                    series=WAITS,
                    healthy=0,
                    below=At(threshold="requests"),
                    faulty=At(threshold="requests", times=2),
                ),
            ),
        ),
    ),
)
