"""gpu/nvlink: how many NVLinks are up, what they lead to, how fast they are, what they carried."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from catalog import gpu_nvlink
from exporters.errors import Absent
from exporters.facility import Facility
from exporters.gpu.fields import LinkField
from exporters.gpu.kinds import each
from exporters.gpu.nvlink_kinds import (
    RECEIVED,
    TRANSMITTED,
    first,
    remote_name,
    speed,
    state_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from catalog.metrics import Metric
    from exporters.gpu.nvml import Gpu
    from exporters.sample import Sample


def links(gpu: Gpu) -> Iterator[Sample]:
    """Yield how many links are in each state."""
    counted = Counter(map(state_name, gpu.nvlinks.states()))
    for state in gpu_nvlink.NVLINK_LINKS.states:
        yield gpu.sample(gpu_nvlink.NVLINK_LINKS, counted[state], state)


def remotes(gpu: Gpu) -> Iterator[Sample]:
    """Yield how many of the links that are up lead to each kind of device."""
    up = {link: link for link in gpu.nvlinks.active()}
    counted = Counter(remote_name(remote) for _, remote in each(up, gpu.nvlinks.remote))
    for remote, count in sorted(counted.items()):
        yield gpu.sample(gpu_nvlink.NVLINK_REMOTES, count, remote)


def speeds(gpu: Gpu) -> Iterator[Sample]:
    """Yield what the links that are up can carry together."""
    up = {link: link for link in gpu.nvlinks.active()}

    def read(link: int) -> float:
        return speed(gpu.nvlinks.value(LinkField.NVLINK_GET_SPEED, link))

    told = [value for _, value in each(up, read)]
    if up and not told:
        raise Absent("NVML_FI_DEV_NVLINK_GET_SPEED: not told of any link")
    yield gpu.sample(gpu_nvlink.NVLINK_SPEED, sum(told))


def _carried(gpu: Gpu, metric: Metric, fields: Mapping[LinkField, int]) -> Iterator[Sample]:
    field, counts = first(tuple(fields), gpu.nvlinks.counts)
    yield gpu.sample(metric, sum(counts.values()) * fields[field])


def transmitted(gpu: Gpu) -> Iterator[Sample]:
    """Yield what all links sent."""
    yield from _carried(gpu, gpu_nvlink.NVLINK_TRANSMITTED, TRANSMITTED)


def received(gpu: Gpu) -> Iterator[Sample]:
    """Yield what all links received."""
    yield from _carried(gpu, gpu_nvlink.NVLINK_RECEIVED, RECEIVED)


FACILITY = Facility(
    family="gpu",
    name="nvlink",
    reads="NVLinks: state, other end, speed, bytes",
    readings=(links, remotes, speeds, transmitted, received),
)
