"""kube-scheduler places no PodGroup any more although GPUs are free.

It counts attempts only, by result, from Kubernetes 1.36 on and with the feature gate
GenericWorkload; without, there is nothing to read. A group that waits is tried again after five
minutes at the latest.
"""

from datetime import timedelta

from alerts.free import HAS, READY, on_nodes
from alerts.model import Alert, At, Moment, Rising, Scenario, Signal, Threshold
from alerts.neighbouring import increase, whole
from alerts.promql import Series, by, select
from catalog.neighbours_shown import POD_GROUP_ATTEMPTS

HALF_AN_HOUR = timedelta(minutes=30)
RESULT = ("unschedulable", "waiting_on_preemption")
FAILED = select(POD_GROUP_ATTEMPTS, result=RESULT)
PLACED = select(POD_GROUP_ATTEMPTS, result="scheduled")
DEVICE = whole("The cluster", "kube-scheduler")

ONE = select(POD_GROUP_ATTEMPTS, result=RESULT[0], profile="default-scheduler")
OTHER = select(POD_GROUP_ATTEMPTS, result="scheduled", profile="default-scheduler")
FREE = Series(HAS.metric, (*HAS.matchers, 'node="gpu-9"'))
IS_READY = Series(READY.metric, (*READY.matchers, 'node="gpu-9"'))

ALERT = Alert(
    name="PodGroupsNotPlaced",
    device=DEVICE,
    needs_fleet=True,
    expr=f"""
        {increase(FAILED, over=HALF_AN_HOUR)} >= $attempts
        unless on ({by()})
        {increase(PLACED, over=HALF_AN_HOUR)} > 0
        and on ({by()})
        sum by ({by()}) (
            {on_nodes()}
        ) >= $gpus
        """,
    notices=HALF_AN_HOUR,
    hold=HALF_AN_HOUR,
    severity="warning",
    summary="kube-scheduler places no PodGroup although GPUs are free",
    description=(
        "For an hour kube-scheduler has tried PodGroups and placed none, while $gpus GPUs or more "
        "are free on nodes that take work. Read the condition PodGroupScheduled of the groups that "
        "wait: what is free may be in pieces too small for a gang, or something else than GPUs "
        "keeps its pods off."
    ),
    why="A gang that cannot start holds nothing and gets nothing, and what it could use is idle.",
    first_step="Run kubectl get podgroups -A, then kubectl describe podgroup on the oldest.",
    thresholds=(
        Threshold(
            name="attempts",
            default=3,
            meaning="Attempts within half an hour.",
            source="our own guess: of one group that waits there are six or more",
        ),
        Threshold(
            name="gpus",
            default=8,
            meaning="Free GPUs of the cluster.",
            source="our own guess: a whole node",
        ),
    ),
    scenarios=(
        Scenario(
            name="attempts fail, and none succeeds any more",
            signals=(
                Signal(
                    series=ONE,
                    healthy=0,
                    below=Rising(rate=0.01),
                    faulty=Rising(rate=0.01),
                ),
                Signal(series=OTHER, healthy=Rising(rate=0.01), faulty=Moment.STAYS),
                Signal(series=FREE, healthy=At(threshold="gpus")),
                Signal(series=IS_READY, healthy=1),
            ),
        ),
        Scenario(
            name="too few GPUs are free for it to be a fault",
            signals=(
                Signal(
                    series=ONE,
                    healthy=0,
                    below=Rising(rate=0.01),
                    faulty=Rising(rate=0.01),
                ),
                Signal(
                    series=FREE,
                    healthy=0,
                    below=At(threshold="gpus", plus=-1),
                    faulty=At(threshold="gpus"),
                ),
                Signal(series=IS_READY, healthy=1),
            ),
        ),
    ),
)
