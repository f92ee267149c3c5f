"""The extender does not know the nodes well enough to filter."""

from datetime import timedelta

from alerts.devices import SCHEDULER
from alerts.model import Alert, Scenario, Signal
from alerts.promql import Series
from catalog.labels import CLUSTER
from catalog.scheduler import CACHE_FRESH

FRESH = Series(CACHE_FRESH.name)

ALERT = Alert(
    name="SchedulerCacheStale",
    device=SCHEDULER,
    needs_fleet=True,
    expr=f"min by ({CLUSTER}) ({FRESH}) == 0",
    hold=timedelta(minutes=5),
    severity="critical",
    summary="The extender does not know the nodes",
    description=(
        "A replica of railwatch-scheduler has had no fresh view of the nodes for minutes and "
        "passes pods unchecked. Look at its log for what the kube-apiserver answers to its "
        "watch."
    ),
    why="Pods are placed without a look at health; only taints keep them off.",
    first_step="Look at railwatch_scheduler_watch_failures_total by reason.",
    scenarios=(
        Scenario(
            name="its watch fails",
            signals=(Signal(series=FRESH, healthy=1, below=1, faulty=0),),
        ),
    ),
)
