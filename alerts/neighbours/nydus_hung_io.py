"""Reads of lazily pulled images hang."""

from datetime import timedelta

from alerts.devices import shown
from alerts.model import Alert, At, Scenario, Signal, Threshold
from alerts.neighbouring import OWN_GUESS, most, of_instance
from alerts.promql import Series
from catalog.labels import INSTANCE
from catalog.neighbours import NYDUS_HUNG

HUNG = Series(NYDUS_HUNG.name)
DEVICE = of_instance(f"nydus snapshotter {shown(INSTANCE)}", "nydus-snapshotter")

ALERT = Alert(
    name="NydusHungIo",
    device=DEVICE,
    needs_fleet=True,
    expr=f"{most(HUNG, INSTANCE)} >= $reads",
    hold=timedelta(minutes=5),
    severity="warning",
    summary=f"Containers of {DEVICE.title} hang in reading their image",
    description=(
        f"At {DEVICE.title} $reads or more reads have hung for minutes. The processes are in D "
        "state and cannot be killed. See whether nydusd lives and the registry answers."
    ),
    why="Processes that read hang with the GPU they hold, and the pod cannot be ended.",
    first_step="Look whether nydusd runs on the node, then at its log.",
    thresholds=(Threshold(name="reads", default=1, meaning="Reads that hang.", source=OWN_GUESS),),
    scenarios=(
        Scenario(
            name="nydusd does not answer",
            signals=(
                Signal(
                    series=HUNG,
                    healthy=0,
                    below=At(threshold="reads", plus=-1),
                    faulty=At(threshold="reads"),
                ),
            ),
        ),
    ),
)
