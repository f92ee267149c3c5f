"""No replica of the bridge answers."""

from datetime import timedelta

from alerts.devices import BRIDGE
from alerts.model import Alert, Scenario, Signal, Threshold
from alerts.promql import up
from catalog.labels import BRIDGE_JOB, CLUSTER

UP = up(BRIDGE_JOB)

ALERT = Alert(
    name="BridgeDown",
    device=BRIDGE,
    needs_fleet=True,
    expr=f"""
        max by ({CLUSTER}) ({UP}) == 0
        or
        max by ({CLUSTER}) (max_over_time({UP}[$memory])) unless on ({CLUSTER}) {UP}
        """,
    hold=timedelta(minutes=5),
    severity="critical",
    summary="The bridge is down",
    description=(
        "No replica of railwatch-bridge answers, or there is none any more. Conditions and "
        "taints stay as they are; new faults do not reach the scheduler. Look at its pods and "
        "their logs."
    ),
    why="Jobs are placed on nodes whose faults Prometheus knows of.",
    first_step="Run kubectl -n railwatch get pods -l app.kubernetes.io/name=railwatch-bridge.",
    thresholds=(
        Threshold(
            name="memory",
            default=timedelta(hours=1),
            meaning="How long the bridge is missed after its target vanished.",
            source="our own guess",
        ),
    ),
    scenarios=(
        Scenario(
            name="its scrapes fail",
            signals=(Signal(series=UP, healthy=1, faulty=0),),
        ),
    ),
)
