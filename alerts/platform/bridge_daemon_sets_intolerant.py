"""DaemonSets that a repaired node needs do not tolerate the bridge's taints."""

from datetime import timedelta

from alerts.devices import BRIDGE
from alerts.model import Alert, Scenario, Signal
from alerts.promql import Series
from catalog.bridge import INTOLERANT_DAEMON_SETS
from catalog.labels import CLUSTER

ODD = Series(INTOLERANT_DAEMON_SETS.name)

ALERT = Alert(
    name="BridgeDaemonSetsIntolerant",
    device=BRIDGE,
    needs_fleet=True,
    expr=f"max by ({CLUSTER}) ({ODD}) > 0",
    hold=timedelta(minutes=15),
    severity="warning",
    summary="DaemonSets do not tolerate the bridge's taints",
    description=(
        "DaemonSets on managed nodes lack a toleration of our taint keys. On a tainted node "
        "their pods are neither recreated nor started after a reboot; if the driver or a device "
        "plugin is among them, the node never proves healthy. The bridge's log names them."
    ),
    why="A fenced node that reboots does not come back.",
    first_step="Add tolerations with operator: Exists to the DaemonSets that the log names.",
    scenarios=(
        Scenario(
            name="a driver's DaemonSet",
            signals=(Signal(series=ODD, healthy=0, below=0, faulty=1),),
        ),
    ),
)
