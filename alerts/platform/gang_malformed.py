"""A gang can never start as it is written."""

from datetime import timedelta

from alerts.devices import SCHEDULER
from alerts.model import Alert, Scenario, Signal
from alerts.promql import select
from catalog.labels import CLUSTER
from catalog.scheduler import GANGS_WAITING

ODD = select(GANGS_WAITING, reason=("malformed", "foreign_gate", "not_gated"))
ONE = select(GANGS_WAITING, reason="malformed")

ALERT = Alert(
    name="GangMalformed",
    device=SCHEDULER,
    needs_fleet=True,
    expr=f"max by ({CLUSTER}) (sum by ({CLUSTER}, instance) ({ODD})) > 0",
    hold=timedelta(minutes=15),
    severity="warning",
    summary="A gang is written so that it never starts",
    description=(
        "Gangs wait whose labels or annotations contradict each other, whose pods lack the "
        "gate, or have one of somebody else's. railwatch-scheduler explain POD names the "
        "mistake; tell the owner."
    ),
    why="The job waits for ever without an error.",
    first_step="Run railwatch-scheduler explain for a pod of the gang.",
    scenarios=(
        Scenario(
            name="sizes contradict each other",
            signals=(Signal(series=ONE, healthy=0, below=0, faulty=1),),
        ),
    ),
)
