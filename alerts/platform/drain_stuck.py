"""Pods that are to leave a node do not get away."""

from datetime import timedelta

from alerts.devices import SCHEDULER
from alerts.model import Alert, Scenario, Signal
from alerts.promql import select
from catalog.labels import CLUSTER
from catalog.scheduler import DRAIN_PODS

HELD = select(
    DRAIN_PODS, state=("budget", "budget_stale", "several_budgets", "bare", "no_room", "job")
)
ONE = select(DRAIN_PODS, state="no_room")

ALERT = Alert(
    name="DrainStuck",
    device=SCHEDULER,
    needs_fleet=True,
    expr=f"max by ({CLUSTER}) (sum by ({CLUSTER}, instance) ({HELD})) > 0",
    hold=timedelta(minutes=30),
    severity="warning",
    summary="Pods on drained nodes do not get away",
    description=(
        "Pods that are to leave a node with a fault have waited for half an hour: for a "
        "PodDisruptionBudget, for room, or because nothing would recreate them. Run "
        "railwatch-scheduler drain-preflight NODE, which names each pod and its reason."
    ),
    why="Jobs stay on hardware that is known to fail.",
    first_step="Look at railwatch_scheduler_drain_pods by state.",
    scenarios=(
        Scenario(
            name="there is no room",
            signals=(Signal(series=ONE, healthy=0, below=0, faulty=4),),
        ),
    ),
)
