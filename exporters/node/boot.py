"""node/boot: when the node's kernel started, and which boot this is."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from catalog.exporter import NODE_BOOT_TIME
from exporters.errors import Absent, Unreadable
from exporters.facility import Facility
from exporters.files import read
from exporters.sample import Note, Sample

ID = "booted_as"
"""Which boot it is that the time beside it is of."""

_STAT_LIMIT = 1 << 20
"""Bytes of /proc/stat: btime comes after a line that grows with the interrupts of the machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Boot:
    """One boot: its time (unix seconds) moves when the clock is set, its id never does."""

    time: float
    id: str


def read_boot(procfs: str | Path) -> Boot:
    """Return this boot; `id` falls back to the time where the kernel tells none."""
    btime = _btime(Path(procfs) / "stat")
    try:
        identity = read(Path(procfs) / "sys/kernel/random/boot_id")
    except Absent:
        identity = str(btime)
    return Boot(time=btime, id=identity)


def _btime(path: Path) -> float:
    for line in read(path, _STAT_LIMIT).splitlines():
        name, _, value = line.partition(" ")
        if name == "btime":
            if not (value.isascii() and value.isdigit()):
                raise Unreadable(f"{path}: btime {value!r} is not a number")
            return float(value)
    raise Unreadable(f"{path}: no line btime")


class Held:
    """The time of a boot, held still: the earliest that was told of it.

    A fault that was heard keeps the time that the clock showed then. Were the clock set forward
    since and the boot moved with it, the boot would come after the fault: it would hide the fault,
    and prove a reboot that never was.
    """

    def __init__(self) -> None:
        """Begin without knowledge."""
        self.id = ""
        self.time: float | None = None

    def take(self, boot: Boot) -> bool:
        """Take what was read; return whether it is another boot than before."""
        changed = self.id not in ("", boot.id)
        known = boot.time if changed or self.time is None else self.time
        self.id, self.time = boot.id, min(known, boot.time)
        return changed


def boot_time(procfs: Path) -> Iterator[Sample | Note]:
    """Yield the time of the boot, and which it is."""
    found = read_boot(procfs)
    yield Sample(NODE_BOOT_TIME, (), found.time)
    yield Note(ID, found.id)


FACILITY = Facility(family="node", name="boot", reads="boot time", readings=(boot_time,))
