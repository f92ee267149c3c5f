"""gpu/clocks: how fast the GPU runs, and could."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from catalog.gpu_clocks import GPU_CLOCK, GPU_CLOCK_MAX
from exporters.facility import Facility
from exporters.gpu.kinds import each

if TYPE_CHECKING:
    from collections.abc import Iterator

    from catalog.metrics import Metric
    from exporters.gpu.nvml import Gpu
    from exporters.sample import Sample

_DOMAINS = {"graphics": 0, "sm": 1, "memory": 2, "video": 3}
"""nvmlClockType_t."""

_MEGA = 1_000_000
_FASTEST = 100_000
"""Megahertz."""


def _clocks(gpu: Gpu, metric: Metric, name: str) -> Iterator[Sample]:
    for domain, clock in each(_DOMAINS, partial(gpu.number, name, most=_FASTEST)):
        yield gpu.sample(metric, clock * _MEGA, domain)


def now(gpu: Gpu) -> Iterator[Sample]:
    """Yield each clock; NVML counts megahertz."""
    yield from _clocks(gpu, GPU_CLOCK, "nvmlDeviceGetClockInfo")


def highest(gpu: Gpu) -> Iterator[Sample]:
    """Yield how high each clock can go; NVML counts megahertz."""
    yield from _clocks(gpu, GPU_CLOCK_MAX, "nvmlDeviceGetMaxClockInfo")


FACILITY = Facility(
    family="gpu", name="clocks", reads="clocks now and at most, by domain", readings=(now, highest)
)
