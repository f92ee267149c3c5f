"""Reads the kernel's log as /dev/kmsg gives it (Documentation/ABI/testing/dev-kmsg in Linux).

A record is `priority,sequence,microseconds,flags[,…];message`, then lines that begin with a space.
The device gives one whole record a read; a FIFO and a regular file give the same text as a stream.
"""

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from exporters.errors import Absent, Unreadable

_CHUNK = 1 << 14
"""More than the kernel's longest record; the device refuses to give one that does not fit."""

_LONGEST = 1 << 16
"""A line of a stream that grows longer without an end is none of the kernel's."""

_FACILITY = 3
"""Bits of the severity below the facility in the priority; facility 0 is the kernel itself."""

_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ENXIO, errno.ENODEV)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record; `uptime` is in seconds, on the kernel's monotonic clock."""

    sequence: int
    uptime: float
    facility: int
    message: str

    @property
    def of_kernel(self) -> bool:
        """Whether the kernel wrote it: what programs write gets another facility."""
        return self.facility == 0


def parse(line: bytes) -> Record | None:
    """Return the record in a line, None where there is none."""
    head, separator, message = line.partition(b";")
    fields = head.split(b",")
    if not separator or len(fields) < 4 or not all(f.isdigit() for f in fields[:3]):  # noqa: PLR2004 - as the format has it
        return None
    if max(map(len, fields[:3])) > 20:  # noqa: PLR2004 - digits of 2^64
        return None
    priority, sequence, microseconds = (int(field) for field in fields[:3])
    return Record(
        sequence=sequence,
        uptime=microseconds / 1e6,
        facility=priority >> _FACILITY,
        message=message.decode("utf-8", "replace"),
    )


class Kmsg:
    """The log from the oldest record that the kernel still holds; reading never waits."""

    def __init__(self, path: str) -> None:
        """Take the path; it is opened at the first look."""
        self._path = path
        self._descriptor = -1
        self._rest = b""
        self.at_end = False
        """Whether the last look came to the end of what there was."""

    def records(self, limit: int) -> Iterator[Record]:
        """Yield what was logged since the last look, about `limit` records at most.

        Absent where there is no such file, Unreadable where it may not be read.
        """
        if self._moved():
            self.close()
        if self._descriptor == -1:
            self._descriptor = self._open()
        self.at_end = False
        while limit > 0 and (chunk := self._read()):
            for record in self._cut(chunk):
                limit -= 1
                yield record
        self.at_end = limit > 0

    def close(self) -> None:
        """Let go of the file; the next look begins at its oldest record."""
        if self._descriptor != -1:
            os.close(self._descriptor)
        self._descriptor, self._rest = -1, b""

    def _open(self) -> int:
        try:
            return os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        except OSError as error:
            raise self._meaning(error) from None

    def _moved(self) -> bool:
        """Whether a regular file was replaced by another one, or cut."""
        if self._descriptor == -1:
            return False
        held = os.fstat(self._descriptor)
        if not stat.S_ISREG(held.st_mode):
            return False
        try:
            found = os.stat(self._path)  # noqa: PTH116 - beside fstat
        except OSError as error:
            raise self._meaning(error) from None
        position = os.lseek(self._descriptor, 0, os.SEEK_CUR)
        return not os.path.samestat(held, found) or held.st_size < position

    def _read(self) -> bytes:
        """Return the next bytes, none at the end."""
        while True:
            try:
                return os.read(self._descriptor, _CHUNK)
            except BlockingIOError:
                return b""
            except BrokenPipeError:
                continue  # records were overwritten; the next read gives the oldest there is
            except OSError as error:
                raise self._meaning(error) from None

    def _cut(self, chunk: bytes) -> Iterator[Record]:
        *lines, rest = (self._rest + chunk).split(b"\n")
        self._rest = rest if len(rest) <= _LONGEST else b" "  # its end is then skipped as well
        for line in lines:
            if (record := parse(line)) is not None:
                yield record

    def _meaning(self, error: OSError) -> Absent | Unreadable:
        meaning = Absent if error.errno in _ABSENT else Unreadable
        return meaning(f"{self._path}: {error.strerror}")
