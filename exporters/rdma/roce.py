"""rdma_ethtool/roce: flow control, FEC, drops and PCIe stalls of the port's network interface."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from catalog.metrics import Metric
from catalog.rdma_ethernet import (
    DETAIL,
    PRIORITIES,
    RDMA_CORRECTED_BITS,
    RDMA_FEC_CORRECTED,
    RDMA_FEC_UNCORRECTABLE,
    RDMA_PAUSE_SECONDS,
    STATISTICS,
    Statistic,
)
from catalog.rdma_link import DOWN, RDMA_CARRIER_EVENTS, RDMA_LINK_DOWN_REASON, UP
from exporters.errors import ReadingError
from exporters.facility import Facility
from exporters.rdma.netport import NetPort
from exporters.sample import Sample


def statistics(port: NetPort) -> Iterator[Sample]:
    """Yield what the driver counts, of the names that are known."""
    return _chosen(port, detail=False)


def detail(port: NetPort) -> Iterator[Sample]:
    """Yield the rest of it."""
    return _chosen(port, detail=True)


def _chosen(port: NetPort, *, detail: bool) -> Iterator[Sample]:
    for known, value in chosen(port.statistics()):
        if (known.metric in DETAIL) is detail:
            yield port.sample(known.metric, value * known.scale, *known.labels)


def chosen(said: Mapping[str, int]) -> Iterator[tuple[Statistic, int]]:
    """Yield the known statistics among those a driver gave.

    mlx5 lists only the priorities that have flow control, and beside them always the flow control
    of the link as a whole, which excludes it. A driver that lists every priority lists also those
    without. Of what is not in use only what has ever counted is worth a series, and of pauses the
    first priority: after a reboot nothing has counted, and a zero must be told for a fault to be
    proven gone.
    """
    found = [(STATISTICS[name], value) for name, value in said.items() if name in STATISTICS]
    listed = _priorities(found)
    for known, value in found:
        if value or not (known.rare or _is_unused(known, listed[known.metric.name])):
            yield known, value


def _priorities(found: Iterable[tuple[Statistic, int]]) -> Mapping[str, set[str]]:
    """Return the priorities that are listed of each metric."""
    listed: dict[str, set[str]] = defaultdict(set)
    for known, _ in found:
        listed[known.metric.name] |= {known.priority or ""} & set(PRIORITIES)
    return listed


def _is_unused(known: Statistic, listed: set[str]) -> bool:
    """Whether it is of flow control that is most likely off, where these priorities are listed."""
    if known.priority == "":
        return bool(listed)
    if known.metric is RDMA_PAUSE_SECONDS and known.priority == PRIORITIES[0]:
        return False
    return known.priority is not None and len(listed) == len(PRIORITIES)


def fec(port: NetPort) -> Iterator[Sample]:
    """Yield what FEC put right and what it could not, where `statistics` does not tell it."""
    told = port.fec()
    for metric, value in (
        (RDMA_FEC_CORRECTED, told.corrected_blocks),
        (RDMA_FEC_UNCORRECTABLE, told.uncorrectable_blocks),
        (RDMA_CORRECTED_BITS, told.corrected_bits),
    ):
        if value is not None and metric not in _told(port):
            yield port.sample(metric, value)


def _told(port: NetPort) -> set[Metric]:
    try:
        said = port.statistics()
    except ReadingError:
        return set()
    return {STATISTICS[name].metric for name in said if name in STATISTICS}


def link(port: NetPort) -> Iterator[Sample]:
    """Yield why the link is down, where the driver knows."""
    if (reason := port.down_reason()) is not None:
        yield port.sample(RDMA_LINK_DOWN_REASON, 1, reason)


def changes(port: NetPort) -> Iterator[Sample]:
    """Yield how often the carrier came and went."""
    told = port.changes()
    yield port.sample(RDMA_CARRIER_EVENTS, told.ups, UP)
    yield port.sample(RDMA_CARRIER_EVENTS, told.downs, DOWN)


FACILITY = Facility(
    family="rdma_ethtool",
    name="roce",
    reads="flow control, FEC, drops and PCIe stalls of each RDMA port's network interface",
    readings=(changes, statistics, fec, link),
)

DETAIL_FACILITY = Facility(
    family="rdma_ethtool",
    name="roce_detail",
    reads="how often each RDMA port was paused, and what its PCIe link received wrongly",
    readings=(detail,),
    on=False,
)
