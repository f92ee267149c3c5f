"""No replica of the bridge leads, so that none writes."""

from datetime import timedelta

from alerts.devices import BRIDGE
from alerts.model import Alert, Scenario, Signal
from alerts.promql import Series
from catalog.bridge import LEADER
from catalog.labels import CLUSTER

LEADS = Series(LEADER.name)

ALERT = Alert(
    name="BridgeNoLeader",
    device=BRIDGE,
    needs_fleet=True,
    expr=f"max by ({CLUSTER}) ({LEADS}) == 0",
    hold=timedelta(minutes=2),
    severity="critical",
    summary="No replica of the bridge leads",
    description=(
        "Replicas of railwatch-bridge answer and none has the Lease. See who holds it (kubectl "
        "-n railwatch get lease), and whether the account may write it."
    ),
    why="New faults do not reach the scheduler, and recovered nodes do not come back.",
    first_step="Read /readyz of a replica: it names the holder or the error.",
    scenarios=(
        Scenario(
            name="none has the Lease",
            signals=(Signal(series=LEADS, healthy=1, below=1, faulty=0),),
        ),
    ),
)
