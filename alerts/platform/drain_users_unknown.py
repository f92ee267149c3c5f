"""A GPU is to be drained and nobody knows which pods use it."""

from datetime import timedelta

from alerts.devices import SCHEDULER
from alerts.model import Alert, Scenario, Signal
from alerts.promql import select
from catalog.labels import CLUSTER
from catalog.scheduler import DRAIN_NODES

ODD = select(DRAIN_NODES, state=("unvouched", "users_unknown"))
ONE = select(DRAIN_NODES, state="users_unknown")

ALERT = Alert(
    name="DrainUsersUnknown",
    device=SCHEDULER,
    needs_fleet=True,
    expr=f"max by ({CLUSTER}) (sum by ({CLUSTER}, instance) ({ODD})) > 0",
    hold=timedelta(minutes=15),
    severity="warning",
    summary="It is not known whom to drain",
    description=(
        "Nodes have a drain taint that no fault in their annotation stands behind, or a fenced "
        "GPU whose pods nobody tells. The drainer leaves them alone. Let the exporter see the "
        "kubelet's pod-resources socket, or drain by hand."
    ),
    why="Jobs stay on hardware that is known to fail.",
    first_step=(
        "See which nodes in the log of railwatch-scheduler; is allocation/pods observed there?"
    ),
    scenarios=(
        Scenario(
            name="the kubelet's socket is not mounted",
            signals=(Signal(series=ONE, healthy=0, below=0, faulty=1),),
        ),
    ),
)
