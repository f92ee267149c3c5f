"""uplink/disks: the local disks that data is preloaded to: space, and what their devices do."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.uplink import (
    DISK_ANSWERING,
    DISK_AVAILABLE,
    DISK_BUSY,
    DISK_FREE,
    DISK_READ_BYTES,
    DISK_READS,
    DISK_SIZE,
    DISK_WRITES,
    DISK_WRITTEN_BYTES,
)
from exporters.errors import Absent, ReadingError, Unreadable
from exporters.facility import Facility
from exporters.files import read
from exporters.sample import Sample
from exporters.uplink.space import Asker, Space

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from exporters.uplink.config import Config

DEADLINE = 1.0
"""Seconds in which a file system has to answer."""

_SECTOR = 512
"""Bytes: the unit of the block layer's statistics, whatever the device's own is."""
_FIELDS = 11
_BUSY_UNIT = 1e-3


class Disks:
    """All configured paths, from cycle to cycle."""

    def __init__(
        self,
        config: Callable[[], Config],
        sysfs: str,
        procfs: str,
        deadline: float = DEADLINE,
    ) -> None:
        """Take who tells the configuration, and where sysfs and procfs are."""
        self._config = config
        self._sysfs = Path(sysfs)
        self._procfs = Path(procfs)
        self.deadline = deadline
        self._askers: dict[str, Asker] = {}

    def answers(self) -> Iterator[tuple[str, str, Space | OSError | None]]:
        """Yield line, path and answer of each disk, None where there is none in time.

        All are asked at once. One that did not answer the last question is not waited for again.
        """
        wanted = [(line.name, path) for line in self._config().lines for path in line.disks]
        self._askers = {path: self._askers.get(path) or Asker(path) for _, path in wanted}
        asked = {path for path, asker in self._askers.items() if asker.begin()}
        end = time.monotonic() + self.deadline
        for line, path in wanted:
            left = end - time.monotonic() if path in asked else 0.0
            yield line, path, self._askers[path].wait(left)

    def statistics(self, device: int) -> tuple[str, list[int]]:
        """Return a block device's name and statistics; Absent where it has none."""
        folder = self._device(device)
        name = folder.resolve().name
        numbers = [int(part) for part in read(folder / "stat").split() if part.isdigit()]
        if len(numbers) < _FIELDS:
            raise Unreadable(f"{folder}/stat: {len(numbers)} numbers, not {_FIELDS}")
        return name, numbers

    def _device(self, device: int) -> Path:
        """Return where sysfs has a device.

        A file system that manages its devices by itself (btrfs) has a number of its own: the table
        of mounts knows the device that it was mounted from.
        """
        number = f"{os.major(device)}:{os.minor(device)}"
        folder = self._sysfs / "dev/block" / number
        if folder.exists():
            return folder
        for line in read(self._procfs / "self/mountinfo", 1 << 20).splitlines():
            before, _, after = line.partition(" - ")
            if before.split()[2:3] == [number] and len(after.split()) > 1:
                return self._sysfs / "class/block" / Path(after.split()[1]).name
        raise Absent(f"{number}: no block device")


def disks(of: Disks) -> Iterator[Sample]:
    """Yield each disk's space and throughput; Unreadable says, at its end, which did not answer."""
    problem = ""
    for line, path, answer in of.answers():
        yield Sample(DISK_ANSWERING, (line, path), float(isinstance(answer, Space)))
        if not isinstance(answer, Space):
            said = answer.strerror if answer else f"no answer within {of.deadline:g} s"
            problem = problem or f"{path}: {said}"
            continue
        yield Sample(DISK_SIZE, (line, path), answer.size)
        yield Sample(DISK_FREE, (line, path), answer.free)
        yield Sample(DISK_AVAILABLE, (line, path), answer.available)
        try:
            yield from _throughput(of, (line, path), answer.device)
        except Absent:
            continue
        except ReadingError as error:
            problem = problem or str(error)
    if problem:
        raise Unreadable(problem)


def _throughput(of: Disks, labels: tuple[str, str], device: int) -> Iterator[Sample]:
    name, numbers = of.statistics(device)
    reads, _, sectors_read, _, writes, _, sectors_written, _, _, busy, *_ = numbers
    of_device = (*labels, name)
    yield Sample(DISK_READ_BYTES, of_device, sectors_read * _SECTOR)
    yield Sample(DISK_WRITTEN_BYTES, of_device, sectors_written * _SECTOR)
    yield Sample(DISK_READS, of_device, reads)
    yield Sample(DISK_WRITES, of_device, writes)
    yield Sample(DISK_BUSY, of_device, busy * _BUSY_UNIT)


FACILITY = Facility(
    family="uplink",
    name="disks",
    reads="space and throughput of the disks that data is preloaded to",
    readings=(disks,),
)
