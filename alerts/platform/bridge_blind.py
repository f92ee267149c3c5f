"""Nodes have conditions of which nobody knows whether they still hold."""

from datetime import timedelta

from alerts.devices import BRIDGE
from alerts.model import Alert, Scenario, Signal
from alerts.promql import select
from catalog.bridge import NODES
from catalog.labels import CLUSTER

BLIND = select(NODES, state="blind")

ALERT = Alert(
    name="BridgeBlind",
    device=BRIDGE,
    needs_fleet=True,
    expr=f"max by ({CLUSTER}) ({BLIND}) > 0",
    hold=timedelta(minutes=15),
    severity="warning",
    summary="The bridge is blind for some nodes",
    description=(
        "Nodes have conditions that are Unknown: their telemetry has been lost beyond the "
        "grace. Look for ExporterDown, CollectorFailing and BridgeSourceDown; nothing is "
        "tainted or released for being blind."
    ),
    why="New faults of these nodes go unseen, and recovered ones stay fenced.",
    first_step="Run kubectl get nodes and look for Unknown among their railwatch conditions.",
    scenarios=(
        Scenario(
            name="telemetry is lost",
            signals=(Signal(series=BLIND, healthy=0, below=0, faulty=2),),
        ),
    ),
)
