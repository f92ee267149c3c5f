"""Faults have waited for hours for a person to reset a GPU or reboot a node."""

from datetime import timedelta

from alerts.devices import BRIDGE
from alerts.model import Alert, Scenario, Signal
from alerts.promql import select
from catalog.bridge import FAULT_STATE
from catalog.labels import CLUSTER

WAITING = select(FAULT_STATE, state=("awaiting_reset", "awaiting_reboot"))
ONE = select(FAULT_STATE, condition="GpuMemoryFault", state="awaiting_reset")

ALERT = Alert(
    name="BridgeRepairsWaiting",
    device=BRIDGE,
    needs_fleet=True,
    expr=f"sum by ({CLUSTER}) ({WAITING}) > 0",
    hold=timedelta(hours=4),
    severity="info",
    summary="Repairs wait for a reset or a reboot",
    description=(
        "Faults have been quiet for hours and wait for the reset or reboot that they demand; "
        "until then their nodes stay fenced. See the health dashboard for which nodes, and "
        "reset or reboot them."
    ),
    why="Nodes that a reboot would give back stand idle.",
    first_step="See which nodes on the health dashboard, or kubectl describe node.",
    scenarios=(
        Scenario(
            name="a reset is due",
            signals=(Signal(series=ONE, healthy=0, below=0, faulty=1),),
        ),
    ),
)
