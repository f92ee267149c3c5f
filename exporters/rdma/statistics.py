"""rdma/statistics: every other counter that a port or its device has.

Apart from rdma/counters, on which alerts go: a driver with one odd file must not blind those.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import repeat

from catalog.metrics import Metric
from catalog.rdma_counters import (
    DRIVER,
    LEGACY,
    LIFESPAN_FILE,
    LINK_DOWNED,
    NO_COUNTERS,
    OBJECTS,
    PMA,
    RDMA_COUNTER_SATURATED,
    RDMA_DRIVER_OBJECTS,
    RDMA_DRIVER_OBJECTS_HIGHEST,
    RDMA_HW_STATISTIC,
    RDMA_LIFESPAN,
    by_file,
)
from exporters.errors import Absent, Unreadable
from exporters.facility import Facility
from exporters.rdma.kept import Folder, number
from exporters.rdma.sysfs import Port, count
from exporters.rdma.trace import say
from exporters.sample import Sample

_KNOWN = by_file()
_ELSEWHERE = frozenset({"port_rcv_data", "port_xmit_data", LINK_DOWNED.file})
"""Files of the PMA that rdma/counters reads."""

_OBJECTS: Mapping[str, tuple[Metric, str]] = {
    f"{prefix}_{kind}": (metric, kind)
    for prefix, metric in (
        ("active", RDMA_DRIVER_OBJECTS),
        ("watermark", RDMA_DRIVER_OBJECTS_HIGHEST),
    )
    for kind in OBJECTS
}

_MOST = {PMA: 24, DRIVER: 40, LEGACY: 16}
"""Files of a folder that become series, known ones first: hfi1 has hundreds."""

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_MS_PER_S = 1000


@dataclass(slots=True, kw_only=True)
class _Row:
    """What becomes of one file."""

    file: str
    metric: Metric
    labels: tuple[str, ...]
    divisor: int = 1
    ceiling: int | None = None
    told: tuple[Sample, ...] = ()
    """What became of what it said last."""

    def take(self, value: int) -> None:
        """Take a value."""
        shown = value if self.divisor == 1 else value / self.divisor
        self.told = (Sample(self.metric, self.labels, shown),)
        if value == self.ceiling:
            self.told += (Sample(RDMA_COUNTER_SATURATED, (*self.labels, self.file), 1),)


@dataclass(slots=True, kw_only=True)
class _Table:
    """What becomes of a folder's files."""

    rows: list[_Row]
    files: list[str]
    descriptors: list[int] | None = None
    """The files, once all of them are open."""
    said: list[bytes] = field(default_factory=list)
    """What all of them said last, empty where that is not known or something was unreadable."""
    told: tuple[Sample, ...] = ()
    """What became of that."""

    def look(self, folder: Folder) -> list[bytes]:
        """Return what all files say, empty where one cannot be read so."""
        self.descriptors = self.descriptors or folder.descriptors(self.files)
        try:
            return say(self.descriptors or ())
        except OSError:
            return []

    def keep(self, said: list[bytes]) -> None:
        """Remember what was said, and what the rows made of it."""
        self.said, self.told = said, tuple(sample for row in self.rows for sample in row.told)


def of_port(port: Port) -> Iterable[Sample]:
    """Return the port's own PMA counters."""
    return _folder(port, port.own(PMA), PMA)


def of_old_kernel(port: Port) -> Iterable[Sample]:
    """Return what an old kernel counts of the port in 64 bits, apart from its PMA counters."""
    return _folder(port, port.own(LEGACY), LEGACY) if LEGACY in port.own("").names() else ()


def of_driver(port: Port) -> Iterable[Sample]:
    """Return what the driver counts of the port."""
    return _folder(port, port.own(DRIVER), DRIVER)


def of_device(port: Port) -> Iterable[Sample]:
    """Return what the driver counts of the device as a whole, with the first of its ports."""
    if not (port.leads and DRIVER in port.open(str(port.folder)).names()):
        return ()
    return _folder(port.whole, port.open(f"{port.folder}/{DRIVER}"), DRIVER)


def _folder(port: Port, folder: Folder, kind: str) -> Iterable[Sample]:
    """Return all that can be read; Unreadable for the first that could not, afterwards.

    Most counters stand still from one cycle to the next: only those that do not are worked out.
    """
    table = folder.once((port.device, port.number), lambda: _table(port, folder, kind))
    said = table.look(folder)
    if not said or said != table.said:
        changed = _changed(table, said)
        if changed is None:
            return _each(port, folder, kind, table, said)
        for row, value in changed:
            row.take(value)
        table.keep(said)
    return table.told


def _changed(table: _Table, said: list[bytes]) -> list[tuple[_Row, int]] | None:
    """Return the rows that have another value, None where not all of those are plain numbers."""
    if not said or len(said) != len(table.said):
        return None
    found = list[tuple[_Row, int]]()
    for row, before, now in zip(table.rows, table.said, said, strict=True):
        if now != before:
            if (value := number(now)) is None:
                return None
            found.append((row, value))
    return found


def _each(
    port: Port, folder: Folder, kind: str, table: _Table, said: list[bytes]
) -> Iterator[Sample]:
    """Take each file by itself, those that say no plain number as they are read once more."""
    problem, plain = "", bool(said)
    for row, text in zip(table.rows, said or repeat(b"")):  # noqa: B905 - which has no end
        row.told = ()
        try:
            if (value := number(text)) is None:
                plain = False
                value = port.take_in(folder, row.file, count, kind)
            row.take(value)
        except Absent:
            pass
        except Unreadable as error:
            problem = problem or str(error)
        yield from row.told
    table.keep(said if plain else [])
    if problem:
        raise Unreadable(problem)


def _table(port: Port, folder: Folder, kind: str) -> _Table:
    files = _chosen(folder, kind)
    rows = [_row((port.device, port.number), kind, file) for file in files]
    return _Table(rows=rows, files=files)


def _chosen(folder: Folder, kind: str) -> list[str]:
    files = [file for file in folder.names() if _NAME.fullmatch(file)]
    if kind == PMA:
        files = [file for file in files if file not in _ELSEWHERE]
    files = [file for file in files if file not in NO_COUNTERS]
    files.sort(key=lambda file: ((kind, file) not in _KNOWN, file in _OBJECTS))
    return files[: _MOST[kind]]


def _row(of: tuple[str, str], kind: str, file: str) -> _Row:
    known = _KNOWN.get((kind, file))
    if known is not None:
        return _Row(file=file, metric=known.metric, labels=of, ceiling=known.ceiling)
    if (kind, file) == (DRIVER, LIFESPAN_FILE):
        return _Row(file=file, metric=RDMA_LIFESPAN, labels=of, divisor=_MS_PER_S)
    if kind == DRIVER and file in _OBJECTS:
        metric, objects = _OBJECTS[file]
        return _Row(file=file, metric=metric, labels=(*of, objects))
    return _Row(file=file, metric=RDMA_HW_STATISTIC, labels=(*of, file))


FACILITY = Facility(
    family="rdma",
    name="statistics",
    reads="every other counter of each RDMA port and device",
    readings=(of_port, of_old_kernel, of_driver, of_device),
)
