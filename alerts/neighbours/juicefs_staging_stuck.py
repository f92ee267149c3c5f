"""Blocks that a JuiceFS client has written do not get to the object store."""

from datetime import timedelta

from alerts.devices import shown
from alerts.model import Alert, At, Scenario, Signal, Threshold
from alerts.neighbouring import WINDOW, of_instance, summed
from alerts.promql import Series, duration
from catalog.labels import INSTANCE
from catalog.neighbours import JUICEFS_STAGING

STAGED = Series(JUICEFS_STAGING.name)
DEVICE = of_instance(f"JuiceFS client {shown(INSTANCE)}", "juicefs")

ALERT = Alert(
    name="JuicefsStagingStuck",
    device=DEVICE,
    needs_fleet=True,
    expr=f"{summed(f'min_over_time({STAGED}[{duration(WINDOW)}])', INSTANCE)} > $blocks",
    notices=WINDOW,
    hold=timedelta(minutes=15),
    severity="warning",
    summary=f"{DEVICE.title} keeps what was written on its own disk",
    description=(
        f"{DEVICE.title} has held more than $blocks blocks on its disk all the time: they do not "
        "get to the object store as fast as they are written. Keep the node until they are "
        "there; until then nobody else can read them."
    ),
    why="A node that is lost or reinstalled now takes checkpoints with it.",
    first_step="Look for JuicefsObjectErrors, then at the line's throughput.",
    thresholds=(
        Threshold(
            name="blocks",
            default=2000,
            meaning="Blocks on the disk all through a quarter of an hour.",
            source="our own guess: 8 GiB in blocks of 4 MiB",
        ),
    ),
    scenarios=(
        Scenario(
            name="a checkpoint does not leave the node",
            signals=(
                Signal(
                    series=STAGED,
                    healthy=0,
                    below=At(threshold="blocks"),
                    faulty=At(threshold="blocks", times=2),
                ),
            ),
        ),
    ),
)
