"""A gang waits although GPUs are idle."""

from datetime import timedelta

from alerts.devices import SCHEDULER
from alerts.model import Alert, Scenario, Signal, Threshold
from alerts.promql import Series, select
from catalog.labels import CLUSTER
from catalog.scheduler import GANGS_WAITING, GPU_IDLE

WAITING = select(GANGS_WAITING, reason=("no_domain", "no_room"))
ONE = select(GANGS_WAITING, reason="no_domain")
IDLE = Series(GPU_IDLE.name)

ALERT = Alert(
    name="GangPending",
    device=SCHEDULER,
    needs_fleet=True,
    expr=f"""
        max by ({CLUSTER}) (sum by ({CLUSTER}, instance) ({WAITING})) > 0
        and on ({CLUSTER})
        max by ({CLUSTER}) ({IDLE}) >= $idle
        """,
    hold=timedelta(minutes=15),
    severity="warning",
    summary="Gangs wait although GPUs are idle",
    description=(
        "Gangs have found no place for a quarter of an hour while $idle GPUs or more are idle: "
        "the idle ones are in pieces, or spread over domains that the gang does not want to "
        "span. railwatch-scheduler explain POD tells; loosen its topology, or consolidate."
    ),
    why="GPUs stand idle and a job waits for them.",
    first_step="Compare railwatch_scheduler_largest_gang_nodes with what the gang wants.",
    thresholds=(
        Threshold(
            name="idle",
            default=8,
            meaning="Idle GPUs.",
            source="one node of eight",
        ),
    ),
    scenarios=(
        Scenario(
            name="idle GPUs in pieces",
            signals=(
                Signal(series=IDLE, healthy=16),
                Signal(series=ONE, healthy=0, below=0, faulty=1),
            ),
        ),
    ),
)
