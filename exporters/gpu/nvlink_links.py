"""gpu/nvlink_links: each NVLink by itself; some 30 series a link, and so off unless asked for."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from catalog import gpu_nvlink
from exporters.errors import Absent, NoDriver, Unreadable
from exporters.facility import Facility
from exporters.gpu.fields import LinkField
from exporters.gpu.kinds import each
from exporters.gpu.nvlink_kinds import (
    CORRECTED,
    ERRORS,
    RATIOS,
    RECEIVED,
    RECOVERIES,
    TRANSMITTED,
    first,
    ratio,
    remote_name,
    speed,
    state_name,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from catalog.metrics import Metric
    from exporters.gpu.nvml import Gpu
    from exporters.sample import Sample

    OfLink = Callable[[Gpu, int], Iterable[Sample]]


def _of_each(read: OfLink) -> Callable[[Gpu], Iterator[Sample]]:
    """Return a reading of every link; one that cannot be read costs none of the others."""

    def reading(gpu: Gpu) -> Iterator[Sample]:
        problem: Unreadable | None = None
        for link in gpu.nvlinks.all:
            try:
                yield from read(gpu, link)
            except NoDriver:
                raise
            except Absent:
                continue
            except Unreadable as error:
                problem = problem or error
        if problem is not None:
            raise problem

    return reading


def state(gpu: Gpu, link: int) -> Iterator[Sample]:
    """Yield the state of a link."""
    now = state_name(gpu.nvlinks.state(link))
    for one in gpu_nvlink.NVLINK_LINK_STATE.states:
        yield gpu.sample(gpu_nvlink.NVLINK_LINK_STATE, one == now, str(link), one)


def info(gpu: Gpu, link: int) -> Iterator[Sample]:
    """Yield what a link leads to; what is not told of it is empty."""
    remote = remote_name(gpu.nvlinks.remote(link))
    there, number = "", ""
    with suppress(Absent, Unreadable):
        there = gpu.nvlinks.remote_pci_bus_id(link)
    with suppress(Absent, Unreadable):
        number = f"{gpu.nvlinks.value(LinkField.NVLINK_REMOTE_NVLINK_ID, link):g}"
    yield gpu.sample(gpu_nvlink.NVLINK_LINK_INFO, 1, str(link), remote, there, number)


def speeds(gpu: Gpu, link: int) -> Iterator[Sample]:
    """Yield what a link can carry."""
    told = gpu.nvlinks.value(LinkField.NVLINK_GET_SPEED, link)
    yield gpu.sample(gpu_nvlink.NVLINK_LINK_SPEED, speed(told), str(link))


def _carried(
    metric: Metric, fields: Mapping[LinkField, int], gpu: Gpu, link: int
) -> Iterator[Sample]:
    field, told = first(tuple(fields), lambda field: gpu.nvlinks.count(field, link))
    yield gpu.sample(metric, told * fields[field], str(link))


def errors(gpu: Gpu, link: int) -> Iterator[Sample]:
    """Yield the errors of a link, by kind."""

    def read(fields: tuple[LinkField, ...]) -> float:
        return first(fields, lambda field: gpu.nvlinks.count(field, link))[1]

    for kind, count in each(ERRORS | CORRECTED, read):
        yield gpu.sample(gpu_nvlink.NVLINK_LINK_ERRORS, count, str(link), kind)


def recoveries(gpu: Gpu, link: int) -> Iterator[Sample]:
    """Yield how often a link recovered, or did not."""
    for result, count in each(RECOVERIES, lambda field: gpu.nvlinks.count(field, link)):
        yield gpu.sample(gpu_nvlink.NVLINK_LINK_RECOVERIES, count, str(link), result)


def ratios(gpu: Gpu, link: int) -> Iterator[Sample]:
    """Yield the bit error ratios of a link."""
    for kind, told in each(RATIOS, lambda field: ratio(gpu.nvlinks.value(field, link))):
        yield gpu.sample(gpu_nvlink.NVLINK_LINK_BIT_ERROR_RATIO, told, str(link), kind)


def corrections(gpu: Gpu, link: int) -> Iterator[Sample]:
    """Yield the history of a link's forward error correction, by bin."""
    for place, count in gpu.nvlinks.corrections(link).items():
        yield gpu.sample(gpu_nvlink.NVLINK_LINK_CORRECTED, count, str(link), str(place))


FACILITY = Facility(
    family="gpu",
    name="nvlink_links",
    reads="each NVLink by itself: state, other end, bytes, errors",
    on=False,
    readings=(
        _of_each(state),
        _of_each(info),
        _of_each(speeds),
        _of_each(partial(_carried, gpu_nvlink.NVLINK_LINK_TRANSMITTED, TRANSMITTED)),
        _of_each(partial(_carried, gpu_nvlink.NVLINK_LINK_RECEIVED, RECEIVED)),
        _of_each(errors),
        _of_each(recoveries),
        _of_each(ratios),
        _of_each(corrections),
    ),
)
