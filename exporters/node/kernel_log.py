"""node/kernel_log: what the kernel's log tells of faults, since the boot.

The worker picks the lines that matter and tells where it came to; the program counts, and sends a
successor on from there, so that no worker's end loses a line or tells one twice. A program that
starts anew reads all that the kernel still holds; what it overwrote before is counted as lost.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from exporters.errors import Unreadable
from exporters.facility import Facility
from exporters.gpu import nvrm
from exporters.node.boot import read_boot
from exporters.node.kmsg import Kmsg
from exporters.sample import Note

BOOT_ID = "boot_id"
LINE = "line"
NEXT = "next"
"""The sequence number to go on from; in a worker's target as well, with the boot it is of."""
LOST = "lost"
"""Records that were overwritten before they were read; those before the first look count too."""
AT_END = "at_end"
"""Whether everything that the log holds was read."""

_AT_ONCE = 50_000
"""Records read in one cycle, well within its deadline; the rest wait for the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line; `time` is unix time, by the clock as it stood when the line was read."""

    sequence: int
    time: float
    message: str

    @classmethod
    def of(cls, note: str) -> "Entry":
        """Return the entry that a worker noted."""
        sequence, time, message = note.split(" ", 2)
        return cls(sequence=int(sequence), time=float(time), message=message)

    def __str__(self) -> str:
        return f"{self.sequence} {self.time:.6f} {self.message}"


class KernelLog:
    """The log of one boot after another, from a sequence number on."""

    def __init__(self, path: str, procfs: Path, target: Mapping[str, str | int]) -> None:
        """Take where to go on; without it, everything that the kernel still holds is told."""
        self._path = path
        self._procfs = procfs
        self._kmsg = Kmsg(path)
        self._boot = str(target.get(BOOT_ID, ""))
        self._next = int(target.get(NEXT, 0))
        self._lost = 0

    def look(self) -> Iterator[Note]:
        """Note what is new; raise Unreadable after it where something was overwritten unread."""
        boot = read_boot(self._procfs).id
        if boot != self._boot:
            self._kmsg.close()
            self._boot, self._next = boot, 0
        first = self._next == 0
        yield from self._lines()
        yield from self._position()
        lost, self._lost = self._lost, 0
        if lost and not first:
            raise Unreadable(f"{self._path}: {lost} records were overwritten before they were read")

    def _lines(self) -> Iterator[Note]:
        booted = time.time() - time.monotonic()
        for record in self._kmsg.records(_AT_ONCE):
            if record.sequence < self._next:
                continue
            self._lost += record.sequence - self._next
            self._next = record.sequence + 1
            if record.of_kernel and nvrm.parse(record.message) is not None:
                when = min(booted + record.uptime, time.time())
                entry = Entry(sequence=record.sequence, time=when, message=record.message)
                yield Note(BOOT_ID, self._boot)
                yield Note(LINE, str(entry))

    def _position(self) -> Iterator[Note]:
        if self._next == 0:
            # Some container runtimes put another device, or nothing, in its place.
            raise Unreadable(f"{self._path}: not one record, so this is no kernel log")
        yield Note(BOOT_ID, self._boot)
        yield Note(NEXT, self._next)
        yield Note(LOST, self._lost)
        yield Note(AT_END, int(self._kmsg.at_end))


def look(log: KernelLog) -> Iterator[Note]:
    """Note what the log tells since the last look."""
    return log.look()


FACILITY = Facility(
    family="node",
    name="kernel_log",
    reads="faults that drivers write to the kernel's log",
    readings=(look,),
)
