"""The bridge has not ended a cycle for minutes."""

from datetime import timedelta

from alerts.devices import BRIDGE
from alerts.model import Alert, Moment, Rising, Scenario, Signal, Threshold
from alerts.promql import Series
from catalog.bridge import CYCLE_TIMESTAMP
from catalog.labels import CLUSTER

CYCLE = Series(CYCLE_TIMESTAMP.name)

ALERT = Alert(
    name="BridgeStuck",
    device=BRIDGE,
    needs_fleet=True,
    expr=f"time() - max by ({CLUSTER}) ({CYCLE}) > $seconds",
    notices=timedelta(minutes=5),
    hold=timedelta(minutes=1),
    severity="critical",
    summary="The bridge does not get through its cycle",
    description=(
        "The bridge has not completed a cycle for more than $seconds seconds. Its log and "
        "railwatch_bridge_cycle_failures_total tell what stops it: the kube-apiserver, mostly, "
        "or all of its sources."
    ),
    why="New faults do not reach the scheduler, and recovered nodes do not come back.",
    first_step="Read /readyz of the leader and its log.",
    thresholds=(
        Threshold(
            name="seconds",
            default=300,
            meaning="Time since the last complete cycle.",
            source="our own guess: twenty default intervals",
        ),
    ),
    scenarios=(
        Scenario(
            name="a cycle never ends",
            signals=(
                Signal(
                    series=CYCLE,
                    healthy=Rising(start=0, rate=1),
                    below=Rising(rate=1),
                    faulty=Moment.STAYS,
                ),
            ),
        ),
    ),
)
