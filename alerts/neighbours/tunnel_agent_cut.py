"""An agent of the tunnel to the control plane is connected to no server."""

from datetime import timedelta

from alerts.devices import shown
from alerts.model import Alert, At, Scenario, Signal, Threshold
from alerts.neighbouring import OWN_GUESS, most, of_instance
from alerts.promql import Series
from catalog.labels import INSTANCE
from catalog.neighbours_nodes import TUNNEL_CONNECTIONS

OPEN = Series(TUNNEL_CONNECTIONS.name)
DEVICE = of_instance(f"Tunnel agent {shown(INSTANCE)}", "konnectivity-agent")

ALERT = Alert(
    name="TunnelAgentCut",
    device=DEVICE,
    needs_fleet=True,
    expr=f"{most(OPEN, INSTANCE)} < $servers",
    hold=timedelta(minutes=5),
    severity="warning",
    summary=f"{DEVICE.title} has lost the control plane",
    description=(
        f"{DEVICE.title} is connected to fewer than $servers servers. Look at its log for the "
        "address it dials; for nodes behind a dedicated line see UplinkDown."
    ),
    why="Through it go logs, exec, webhooks and metrics from the control plane to the nodes.",
    first_step="Read the agent's log.",
    thresholds=(
        Threshold(
            name="servers", default=1, meaning="Servers to be connected to.", source=OWN_GUESS
        ),
    ),
    scenarios=(
        Scenario(
            name="it is cut off",
            signals=(Signal(series=OPEN, healthy=3, below=At(threshold="servers"), faulty=0),),
        ),
    ),
)
