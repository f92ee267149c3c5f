"""Calico on a node does not know what it is to do."""

from datetime import timedelta

from alerts.devices import shown
from alerts.model import Alert, Scenario, Signal
from alerts.neighbouring import most, of_instance
from alerts.promql import Series
from catalog.labels import INSTANCE
from catalog.neighbours_nodes import CALICO_SYNC

SYNC = Series(CALICO_SYNC.name)
DEVICE = of_instance(f"Calico on {shown(INSTANCE)}", "calico")

ALERT = Alert(
    name="CalicoNotInSync",
    device=DEVICE,
    needs_fleet=True,
    expr=f"{most(SYNC, INSTANCE)} < 3",
    hold=timedelta(minutes=10),
    severity="warning",
    summary=f"{DEVICE.title} is not in sync",
    description=(
        f"{DEVICE.title} has waited for ten minutes for what it is to do: it does not reach Typha "
        "or the kube-apiserver. What is there goes on; new pods get no network."
    ),
    why="New pods on the node have no network.",
    first_step="Look whether Typha's pods run and the node reaches them.",
    scenarios=(
        Scenario(
            name="Typha is gone",
            signals=(Signal(series=SYNC, healthy=3, below=3, faulty=1),),
        ),
    ),
)
