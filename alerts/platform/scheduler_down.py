"""No replica of railwatch-scheduler answers."""

from datetime import timedelta

from alerts.devices import SCHEDULER
from alerts.model import Alert, Scenario, Signal, Threshold
from alerts.promql import up
from catalog.labels import CLUSTER, SCHEDULER_JOB

UP = up(SCHEDULER_JOB)

ALERT = Alert(
    name="SchedulerDown",
    device=SCHEDULER,
    needs_fleet=True,
    expr=f"""
        max by ({CLUSTER}) ({UP}) == 0
        or
        max by ({CLUSTER}) (max_over_time({UP}[$memory])) unless on ({CLUSTER}) {UP}
        """,
    hold=timedelta(minutes=5),
    severity="critical",
    summary="railwatch-scheduler is down",
    description=(
        "No replica of railwatch-scheduler answers, or there is none any more. Taints still "
        "keep pods off; scores and gangs do not work, and where the extender is not ignorable "
        "no GPU pod is placed at all."
    ),
    why="Gangs wait, and with ignorable: false every pod with GPUs does.",
    first_step="Run kubectl -n railwatch get pods -l app.kubernetes.io/name=railwatch-scheduler.",
    thresholds=(
        Threshold(
            name="memory",
            default=timedelta(hours=1),
            meaning="How long it is missed after its target vanished.",
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
