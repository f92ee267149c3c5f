"""An interface that the line goes through cannot carry traffic."""

from datetime import timedelta

from alerts.devices import Device, shown
from alerts.model import Alert, Scenario, Signal
from alerts.promql import Series, by
from catalog.labels import LINE, NODE
from catalog.uplink import INTERFACE_UP

WAY = Device(
    identity="",
    keys=(LINE, "interface"),
    labels=(NODE, LINE, "interface"),
    title=f"{shown('interface')} of {shown(NODE)}",
    samples=(
        {NODE: "node-1", LINE: "dc1-cloud", "interface": "bond0"},
        {NODE: "node-1", LINE: "dc1-cloud", "interface": "bond1"},
    ),
)
UP = Series(INTERFACE_UP.name)

ALERT = Alert(
    name="UplinkInterfaceDown",
    device=WAY,
    expr=f"max by ({by(*WAY.labels)}) ({UP}) == 0",
    hold=timedelta(minutes=2),
    severity="warning",
    summary=f"{WAY.title} is down, on line {shown(LINE)}",
    description=(
        f"{WAY.title}, which line {shown(LINE)} goes through, cannot carry traffic. Look at "
        "cable, switch port and bond; if it is the only one, the line is down for this node."
    ),
    why="Traffic of the line takes the interfaces that are left, or none.",
    first_step="Run ip -d link show for the interface on the node.",
    scenarios=(
        Scenario(
            name="its carrier is lost",
            signals=(Signal(series=UP, healthy=1, below=1, faulty=0),),
        ),
    ),
)
