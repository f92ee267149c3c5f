"""A node's kernel log as /dev/kmsg gives it, written by whatever plays the kernel.

It is a regular file of kmsg records: a reader finds all of this boot, then what is added.
"""

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from catalog import xid

KERN = 0
USER = 1
"""Facilities: the kernel's own lines, and those that a program wrote to /dev/kmsg."""

_ERROR = 3
_FACILITY = 3
_BOOTED = "Linux version 6.8.0-railwatch (testbed) #1 SMP PREEMPT_DYNAMIC"


class SimulatedKernelLog:
    """The log at a path; any number of processes may hold it and write to it."""

    def __init__(self, path: Path) -> None:
        """Take the path; the log is there once the node has booted."""
        self.path = path

    def reboot(self) -> None:
        """Begin the log of another boot; who reads it finds another file at the same path."""
        with self._locked():
            fresh = self.path.with_suffix(".new")
            fresh.write_bytes(_record(0, _BOOTED, _now()))
            fresh.replace(self.path)

    def line(self, message: str, *, facility: int = KERN, at: float | None = None) -> None:
        """Log a message, now or at a unix time that is not before this machine's own boot."""
        self._append(lambda number: _record(number, message, _clock(at), facility))

    def raw(self, text: bytes) -> None:
        """Write anything, where a record should stand."""
        with self._locked(), self.path.open("ab") as log:
            log.write(text)

    def lose(self, records: int) -> None:
        """Leave out so many sequence numbers, as when the kernel overwrites what nobody read."""
        after = f"{records} records were overwritten"
        self._append(lambda number: _record(number + records, after, _now()))

    def name(self, slot: str, uuid: str) -> None:
        """Log which GPU is in a slot, unless it was logged before; drivers do at its first Xid."""
        message = f"NVRM: GPU at PCI:{_short(slot)}: {uuid}"
        if f";{message}\n" not in self.path.read_text(encoding="utf-8", errors="replace"):
            self.line(message)

    def xid(self, slot: str, code: int, text: str = "", *, at: float | None = None) -> None:
        """Log an Xid of the GPU in a slot; without a text, of a process that is not known."""
        known = xid.table().get(code)
        said = text or f"pid='<unknown>', name=<unknown>, {known.description if known else ''}"
        self.line(f"NVRM: Xid (PCI:{_short(slot)}): {code}, {said}", at=at)

    def sxid(self, switch: int, slot: str, code: int, text: str, *, fatal: bool) -> None:
        """Log an NVSwitch's error as its driver does: the error, then lines with its data."""
        begins = f"nvidia-nvswitch{switch}: SXid (PCI:{slot}): {code}, "
        self.line(f"{begins}{'Fatal' if fatal else 'Non-fatal'}, {text}")
        self.line(f"{begins}Severity {int(fatal)} Engine instance 00 Sub-engine instance 00")
        self.line(f"{begins}Data {{0x00000000, 0x00000000, 0x00000000, 0x00000000}}")

    def _append(self, record: Callable[[int], bytes]) -> None:
        with self._locked(), self.path.open("ab+") as log:
            log.seek(0)
            log.write(record(_following(log.read())))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self.path.with_suffix(".lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _record(number: int, message: str, microseconds: int, facility: int = KERN) -> bytes:
    """Return one record; what is not printable is escaped, so that it stays one line."""
    printable = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in message)
    return f"{facility << _FACILITY | _ERROR},{number},{microseconds},-;{printable}\n".encode()


def _following(log: bytes) -> int:
    """Return the sequence number after the last one in a log."""
    for line in reversed(log.splitlines()):
        fields = line.partition(b";")[0].split(b",")
        if len(fields) > 1 and fields[1].isdigit():
            return int(fields[1]) + 1
    return 0


def _short(slot: str) -> str:
    """Return a slot as the GPU driver writes it, without the function."""
    return slot.partition(".")[0]


def _clock(at: float | None) -> int:
    now = time.time()
    ago = 0.0 if at is None else now - at
    microseconds = _now() - int(ago * 1e6)
    if microseconds < 0:
        raise ValueError(f"at={at}: before this machine's own boot")
    return microseconds


def _now() -> int:
    return time.monotonic_ns() // 1000
