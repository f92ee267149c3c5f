"""Somebody paused the bridge and has not let it go on."""

from datetime import timedelta

from alerts.devices import BRIDGE
from alerts.model import Alert, Scenario, Signal
from alerts.promql import Series
from catalog.bridge import PAUSED
from catalog.labels import CLUSTER

IS_PAUSED = Series(PAUSED.name)

ALERT = Alert(
    name="BridgePaused",
    device=BRIDGE,
    needs_fleet=True,
    expr=f"max by ({CLUSTER}) ({IS_PAUSED}) == 1",
    hold=timedelta(hours=1),
    severity="warning",
    summary="The bridge has been paused for long",
    description=(
        "The bridge has been paused for an hour: conditions are kept, and no new taint is set. "
        "Ask who paused it and why, and let it go on (--pause, or the ConfigMap)."
    ),
    why="Jobs are placed on nodes with known faults.",
    first_step="Look at the ConfigMap of the pause: its annotation may say who.",
    scenarios=(
        Scenario(
            name="it was forgotten",
            signals=(Signal(series=IS_PAUSED, healthy=0, below=0, faulty=1),),
        ),
    ),
)
