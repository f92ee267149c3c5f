"""rdma/statistics: every other counter that a port or its device has.

Apart from rdma/counters, on which alerts go: a driver with one odd file must not blind those.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from catalog.metrics import Metric
from catalog.rdma_counters import (
    DRIVER,
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
from exporters.rdma.kept import Folder
from exporters.rdma.sysfs import Port, count
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

_MOST = {PMA: 24, DRIVER: 40}
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
    last: Sample | None = None
    """What it said last: most counters stand still from one cycle to the next."""

    def sample(self, value: int) -> Sample:
        """Return the sample of a value."""
        shown = value if self.divisor == 1 else value / self.divisor
        if self.last is None or self.last.value != shown:
            self.last = Sample(self.metric, self.labels, shown)
        return self.last


def of_port(port: Port) -> Iterator[Sample]:
    """Yield the port's own PMA counters."""
    yield from _folder(port, port.own(PMA), PMA)


def of_driver(port: Port) -> Iterator[Sample]:
    """Yield what the driver counts of the port."""
    yield from _folder(port, port.own(DRIVER), DRIVER)


def of_device(port: Port) -> Iterator[Sample]:
    """Yield what the driver counts of the device as a whole, with the first of its ports."""
    if port.leads:
        yield from _folder(port.whole, port.open(f"{port.folder}/{DRIVER}"), DRIVER)


def _folder(port: Port, folder: Folder, kind: str) -> Iterator[Sample]:
    """Yield all that can be read; Unreadable for the first that could not, afterwards."""
    problem = ""
    for row in folder.once((port.device, port.number), lambda: _rows(port, folder, kind)):
        try:
            value = folder.number(row.file)
            if value is None:
                value = port.take_in(folder, row.file, count, kind)
        except Absent:
            continue
        except Unreadable as error:
            problem = problem or str(error)
            continue
        yield row.sample(value)
        if value == row.ceiling:
            yield Sample(RDMA_COUNTER_SATURATED, (*row.labels, row.file), 1)
    if problem:
        raise Unreadable(problem)


def _rows(port: Port, folder: Folder, kind: str) -> list[_Row]:
    return [_row((port.device, port.number), kind, file) for file in _chosen(folder, kind)]


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
    readings=(of_port, of_driver, of_device),
)
