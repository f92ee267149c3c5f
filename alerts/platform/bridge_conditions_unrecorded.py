"""Nodes have our conditions without the record that goes with them."""

from datetime import timedelta

from alerts.devices import BRIDGE
from alerts.model import Alert, Scenario, Signal
from alerts.promql import select
from catalog.bridge import NODES
from catalog.labels import CLUSTER

ODD = select(NODES, state="unrecorded")

ALERT = Alert(
    name="BridgeConditionsUnrecorded",
    device=BRIDGE,
    needs_fleet=True,
    expr=f"max by ({CLUSTER}) ({ODD}) > 0",
    hold=timedelta(hours=1),
    severity="warning",
    summary="Conditions of some nodes have no record",
    description=(
        "Nodes have a condition of ours that is True and that their annotation does not account "
        "for; somebody edited it. The bridge never takes such a one away: look at the node, "
        "then run railwatch-bridge release NODE."
    ),
    why="The node stays as it is for ever.",
    first_step="Compare the node's conditions with its annotation railwatch.io/devices.",
    scenarios=(
        Scenario(
            name="an annotation was removed",
            signals=(Signal(series=ODD, healthy=0, below=0, faulty=1),),
        ),
    ),
)
