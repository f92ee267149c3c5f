"""The bridge leaves alerts alone that were meant for it."""

from datetime import timedelta

from alerts.devices import BRIDGE
from alerts.model import Alert, Scenario, Signal
from alerts.promql import select
from catalog.bridge import ALERTS_SKIPPED
from catalog.labels import CLUSTER

ODD = select(ALERTS_SKIPPED, reason=("malformed", "unknown_condition", "unknown_fault"))
ONE = select(ALERTS_SKIPPED, reason="unknown_fault")

ALERT = Alert(
    name="BridgeAlertsSkipped",
    device=BRIDGE,
    needs_fleet=True,
    expr=f"max by ({CLUSTER}) ({ODD}) > 0",
    hold=timedelta(minutes=15),
    severity="warning",
    summary="The bridge cannot use some alerts",
    description=(
        "The bridge left alerts with a condition alone because they are malformed, or name a "
        "condition or fault that its proofs file lacks. Rules and proofs must be of one rendering: "
        "apply both."
    ),
    why="A fault that Prometheus knows of does not reach the scheduler.",
    first_step=(
        "See railwatch_bridge_alerts_skipped by reason, and compare the rules' rendering with "
        "the proofs'."
    ),
    scenarios=(
        Scenario(
            name="the proofs file is older than the rules",
            signals=(Signal(series=ONE, healthy=0, below=0, faulty=1),),
        ),
    ),
)
