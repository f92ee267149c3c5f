"""A disk that data is preloaded to does not answer."""

from datetime import timedelta

from alerts.devices import Device, shown
from alerts.model import Alert, Scenario, Signal
from alerts.promql import Series, by
from catalog.labels import LINE, NODE
from catalog.uplink import DISK_ANSWERING

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
ANSWERS = Series(DISK_ANSWERING.name)

ALERT = Alert(
    name="UplinkDiskNotAnswering",
    device=DISK,
    expr=f"max by ({by(*DISK.labels)}) ({ANSWERS}) == 0",
    hold=timedelta(minutes=2),
    severity="critical",
    summary=f"{DISK.title} does not answer",
    description=(
        f"{DISK.title}, which data of line {shown(LINE)} is preloaded to, has not answered for "
        "minutes. Look at the mount and its server, and for I/O errors in the kernel log; "
        "processes that touch it hang."
    ),
    why="Whatever reads from the disk hangs, often in a state that cannot be killed.",
    first_step="Look for processes in state D, and run mount and dmesg on the node.",
    scenarios=(
        Scenario(
            name="the mount hangs",
            signals=(Signal(series=ANSWERS, healthy=1, below=1, faulty=0),),
        ),
    ),
)
