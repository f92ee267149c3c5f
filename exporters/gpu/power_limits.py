"""gpu/power_limits: the draw at the moment and over a second, and the limits that there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.gpu_power import GPU_POWER_AVERAGE, GPU_POWER_INSTANT, GPU_POWER_LIMITS
from exporters.errors import Unreadable
from exporters.facility import Facility
from exporters.gpu.fields import Field
from exporters.gpu.kinds import each

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporters.gpu.nvml import Gpu
    from exporters.sample import Sample

_LIMITS = {
    "requested": Field.POWER_REQUESTED_LIMIT,
    "default": Field.POWER_DEFAULT_LIMIT,
    "min": Field.POWER_MIN_LIMIT,
    "max": Field.POWER_MAX_LIMIT,
}

_MOST = 100_000_000
"""Milliwatts; beyond what any board draws."""


def _watts(gpu: Gpu, field: Field) -> float:
    milliwatts = gpu.field(field)
    if not 0 <= milliwatts <= _MOST:
        raise Unreadable(f"NVML_FI_DEV_{field.name}: {milliwatts:g} mW cannot be")
    return milliwatts / 1000


def instant(gpu: Gpu) -> Iterator[Sample]:
    """Yield the draw now."""
    yield gpu.sample(GPU_POWER_INSTANT, _watts(gpu, Field.POWER_INSTANT))


def average(gpu: Gpu) -> Iterator[Sample]:
    """Yield the draw over the last second."""
    yield gpu.sample(GPU_POWER_AVERAGE, _watts(gpu, Field.POWER_AVERAGE))


def limits(gpu: Gpu) -> Iterator[Sample]:
    """Yield the limits beside the one in force."""
    for limit, watts in each(_LIMITS, lambda field: _watts(gpu, field)):
        yield gpu.sample(GPU_POWER_LIMITS, watts, limit)


FACILITY = Facility(
    family="gpu",
    name="power_limits",
    reads="power draw instant and average; limits requested, default, min, max",
    readings=(instant, average, limits),
)
