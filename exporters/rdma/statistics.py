"""rdma/statistics: every other counter that a port or its device has.

Apart from rdma/counters, on which alerts go: a driver with one odd file must not blind those.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from catalog.rdma_counters import (
    DRIVER,
    LIFESPAN_FILE,
    LINK_DOWNED,
    PMA,
    RDMA_COUNTER_SATURATED,
    RDMA_HW_STATISTIC,
    RDMA_LIFESPAN,
    by_file,
)
from exporters.errors import Absent, Unreadable
from exporters.facility import Facility
from exporters.files import entries
from exporters.rdma.sysfs import Port, count
from exporters.sample import Sample

_KNOWN = by_file()
_ELSEWHERE = frozenset({"port_rcv_data", "port_xmit_data", LINK_DOWNED.file})
"""Files of the PMA that rdma/counters reads."""

_MOST = {PMA: 32, DRIVER: 64}
"""Files of a folder that become series, known ones first: hfi1 has hundreds."""

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_MS_PER_S = 1000


def of_port(port: Port) -> Iterator[Sample]:
    """Yield the port's own PMA counters."""
    yield from _folder(port, port.path(PMA), PMA)


def of_driver(port: Port) -> Iterator[Sample]:
    """Yield what the driver counts of the port."""
    yield from _folder(port, port.path(DRIVER), DRIVER)


def of_device(port: Port) -> Iterator[Sample]:
    """Yield what the driver counts of the device as a whole, with the first of its ports."""
    if port.leads:
        yield from _folder(port.whole, port.folder / DRIVER, DRIVER)


def _folder(port: Port, folder: Path, kind: str) -> Iterator[Sample]:
    """Yield all that can be read; Unreadable for the first that could not, afterwards."""
    problem = ""
    for file in _chosen(folder, kind):
        try:
            value = port.take_from(folder, file, count, kind)
        except Absent:
            continue
        except Unreadable as error:
            problem = problem or str(error)
            continue
        yield from _samples(port, kind, file, value)
    if problem:
        raise Unreadable(problem)


def _chosen(folder: Path, kind: str) -> list[str]:
    files = [file for file in entries(folder) if _NAME.fullmatch(file)]
    if kind == PMA:
        files = [file for file in files if file not in _ELSEWHERE]
    files.sort(key=lambda file: (kind, file) not in _KNOWN)
    return files[: _MOST[kind]]


def _samples(port: Port, kind: str, file: str, value: int) -> Iterator[Sample]:
    known = _KNOWN.get((kind, file))
    if known is not None:
        yield port.sample(known.metric, value)
        if value == known.ceiling:
            yield port.sample(RDMA_COUNTER_SATURATED, 1, file)
    elif (kind, file) == (DRIVER, LIFESPAN_FILE):
        yield port.sample(RDMA_LIFESPAN, value / _MS_PER_S)
    else:
        yield port.sample(RDMA_HW_STATISTIC, value, file)


FACILITY = Facility(
    family="rdma",
    name="statistics",
    reads="every other counter of each RDMA port and device",
    readings=(of_port, of_driver, of_device),
)
