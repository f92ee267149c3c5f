"""The kube-apiserver refuses what the bridge writes."""

from datetime import timedelta

from alerts.devices import BRIDGE
from alerts.model import Alert, Rising, Scenario, Signal
from alerts.promql import select
from catalog.bridge import API_FAILURES
from catalog.labels import CLUSTER

DENIED = select(API_FAILURES, kind="denied")

ALERT = Alert(
    name="BridgeWritesDenied",
    device=BRIDGE,
    needs_fleet=True,
    expr=f"sum by ({CLUSTER}) (increase({DENIED}[15m])) > 0",
    notices=timedelta(minutes=2),
    keep_firing_for=timedelta(minutes=10),
    severity="critical",
    summary="The bridge may not write to nodes",
    description=(
        "The kube-apiserver denied requests of the bridge (401 or 403). Compare its ClusterRole "
        "with deploy/bridge/rbac.yaml, and look for an admission policy that refuses its "
        "taints."
    ),
    why="Faults are known and nothing is done about them.",
    first_step=(
        "Run kubectl auth can-i patch nodes/status "
        "--as=system:serviceaccount:railwatch:railwatch-bridge."
    ),
    scenarios=(
        Scenario(
            name="a role was changed",
            signals=(Signal(series=DENIED, healthy=0, faulty=Rising()),),
        ),
    ),
)
