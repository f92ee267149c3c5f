"""A disk that data is preloaded to is nearly full."""

from datetime import timedelta

from alerts.devices import Device, shown
from alerts.model import Alert, Scenario, Signal, Threshold
from alerts.promql import Series, by
from catalog.labels import LINE, NODE
from catalog.uplink import DISK_AVAILABLE, DISK_SIZE

DISK = Device(
    identity="",
    keys=(LINE, "path"),
    labels=(NODE, LINE, "path"),
    title=f"Disk {shown('path')} of {shown(NODE)}",
    samples=(
        {NODE: "node-1", LINE: "dc1-cloud", "path": "/data"},
        {NODE: "node-1", LINE: "dc1-cloud", "path": "/more"},
    ),
)
FREE, SIZE = Series(DISK_AVAILABLE.name), Series(DISK_SIZE.name)
ON = by(*DISK.labels)

ALERT = Alert(
    name="UplinkDiskFull",
    device=DISK,
    expr=f"max by ({ON}) ({FREE}) / on ({ON}) max by ({ON}) ({SIZE}) < $free",
    hold=timedelta(minutes=15),
    severity="warning",
    summary=f"{DISK.title} is nearly full",
    description=(
        f"{DISK.title}, which data of line {shown(LINE)} is preloaded to, has less than $free of "
        "its space left. Remove datasets that nobody uses, or preloads fail."
    ),
    why="The next preload fails, and jobs read over the line in its place.",
    first_step="Run du on the path and see which datasets are old.",
    thresholds=(
        Threshold(
            name="free",
            default=0.1,
            meaning="Share of the space.",
            source="our own guess",
        ),
    ),
    scenarios=(
        Scenario(
            name="a twentieth is free",
            signals=(
                Signal(series=SIZE, healthy=1000),
                Signal(series=FREE, healthy=900, below=101, faulty=50),
            ),
        ),
    ),
)
