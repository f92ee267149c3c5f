"""kube-scheduler itself fails while it tries to place PodGroups."""

from datetime import timedelta

from alerts.model import Alert, At, Rising, Scenario, Signal, Threshold
from alerts.neighbouring import OWN_GUESS, WINDOW, increase, whole
from alerts.promql import select
from catalog.neighbours_shown import POD_GROUP_ATTEMPTS

ERRORS = select(POD_GROUP_ATTEMPTS, result="error")
ONE = select(POD_GROUP_ATTEMPTS, result="error", profile="default-scheduler")

ALERT = Alert(
    name="PodGroupAttemptsFailing",
    device=whole("The cluster", "kube-scheduler"),
    needs_fleet=True,
    expr=f"{increase(ERRORS)} >= $times",
    notices=WINDOW,
    keep_firing_for=timedelta(minutes=15),
    severity="warning",
    summary="kube-scheduler fails while it places PodGroups",
    description=(
        "Within a quarter of an hour kube-scheduler ended $times or more attempts to place a "
        "PodGroup with an error of its own; that says nothing about room. Read its log and the "
        "reason SchedulerError in the condition PodGroupScheduled: the group cannot be read, or a "
        "plugin or an extender fails."
    ),
    why="Gangs wait for a fault of the scheduler and not for nodes.",
    first_step="Search kube-scheduler's log for 'Error scheduling pod group'.",
    thresholds=(Threshold(name="times", default=3, meaning="Attempts.", source=OWN_GUESS),),
    scenarios=(
        Scenario(
            name="attempts end in errors",
            signals=(
                Signal(
                    series=ONE,
                    healthy=0,
                    below=Rising(rate=At(threshold="times", times=0.0005)),
                    faulty=Rising(rate=At(threshold="times", times=0.01)),
                ),
            ),
        ),
    ),
)
