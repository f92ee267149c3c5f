"""The cache of an Alluxio cluster is full."""

from datetime import timedelta

from alerts.devices import shown
from alerts.model import Alert, At, Scenario, Signal, Threshold
from alerts.neighbouring import OWN_GUESS, most, of_instance
from alerts.promql import Series
from catalog.labels import INSTANCE
from catalog.neighbours_jobs import ALLUXIO_TOTAL, ALLUXIO_USED

USED, TOTAL = Series(ALLUXIO_USED.name), Series(ALLUXIO_TOTAL.name)
DEVICE = of_instance(f"Alluxio {shown(INSTANCE)}", "alluxio")

ALERT = Alert(
    name="AlluxioCacheFull",
    device=DEVICE,
    needs_fleet=True,
    expr=f"{most(USED, INSTANCE)} / ({most(TOTAL, INSTANCE)} > 0) > $share",
    hold=timedelta(hours=1),
    severity="info",
    summary=f"The cache of {DEVICE.title} is full",
    description=(
        f"The cache of {DEVICE.title} has been filled by more than $share for an hour: what is "
        "read next puts out something else. Where the dataset is larger than the cache each "
        "epoch reads it from the source again; scale the runtime out."
    ),
    why="A cache that is a little too small for what is read in order hits nothing at all.",
    first_step="Compare the dataset's size with the cache's.",
    thresholds=(Threshold(name="share", default=0.95, meaning="Share in use.", source=OWN_GUESS),),
    scenarios=(
        Scenario(
            name="the dataset does not fit",
            signals=(
                Signal(series=TOTAL, healthy=1000),
                Signal(
                    series=USED,
                    healthy=400,
                    below=At(threshold="share", times=1000),
                    faulty=At(threshold="share", times=1000, plus=20),
                ),
            ),
        ),
    ),
)
