"""Annotations of nodes cannot be read by the scheduler."""

from datetime import timedelta

from alerts.devices import SCHEDULER
from alerts.model import Alert, Scenario, Signal
from alerts.promql import Series
from catalog.labels import CLUSTER
from catalog.scheduler import MALFORMED_NODES

ODD = Series(MALFORMED_NODES.name)

ALERT = Alert(
    name="SchedulerNodesMalformed",
    device=SCHEDULER,
    needs_fleet=True,
    expr=f"max by ({CLUSTER}) ({ODD}) > 0",
    hold=timedelta(minutes=15),
    severity="warning",
    summary="Annotations of some nodes cannot be read",
    description=(
        "The annotation railwatch.io/devices of some nodes is no JSON of ours: somebody edited "
        "it, or bridge and scheduler are of different versions. Taints of these nodes still "
        "count. Remove the annotation; the bridge writes it again."
    ),
    why="Single GPUs of these nodes are not told apart in placing.",
    first_step="Find the nodes in the log of railwatch-scheduler.",
    scenarios=(
        Scenario(
            name="it was edited",
            signals=(Signal(series=ODD, healthy=0, below=0, faulty=1),),
        ),
    ),
)
