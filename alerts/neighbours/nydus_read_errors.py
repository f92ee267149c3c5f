"""Reads of lazily pulled images fail."""

from datetime import timedelta

from alerts.devices import shown
from alerts.model import Alert, Rising, Scenario, Signal, Threshold
from alerts.neighbouring import WINDOW, increase, of_instance
from alerts.promql import Series
from catalog.labels import INSTANCE
from catalog.neighbours import NYDUS_ERRORS

READS = Series(NYDUS_ERRORS.name)
DEVICE = of_instance(f"nydus snapshotter {shown(INSTANCE)}", "nydus-snapshotter")
IMAGE = Series(NYDUS_ERRORS.name, ('image_ref="registry/train:1"',))

ALERT = Alert(
    name="NydusReadErrors",
    device=DEVICE,
    needs_fleet=True,
    expr=f"{increase(READS, INSTANCE)} >= $errors",
    notices=WINDOW,
    hold=timedelta(minutes=5),
    severity="warning",
    summary=f"Containers of {DEVICE.title} cannot read their image",
    description=(
        f"At least $errors reads of lazily pulled images failed at {DEVICE.title} within a "
        "quarter of an hour. Containers get EIO from their own files. See whether the registry "
        "still has the image and answers."
    ),
    why="A running job fails on its first use of a file that was never read before.",
    first_step="Read the log of nydusd on the node.",
    thresholds=(
        Threshold(
            name="errors",
            default=1,
            meaning="Reads that failed.",
            source="each is an I/O error in a container",
        ),
    ),
    scenarios=(
        Scenario(
            name="the registry is gone",
            signals=(Signal(series=IMAGE, healthy=0, faulty=Rising(rate=0.1)),),
        ),
    ),
)
