"""gpu/fans: how fast each fan is told to run, on cards that have any."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from catalog.gpu_board import GPU_FAN_SPEED
from exporters.facility import Facility
from exporters.gpu.kinds import each

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporters.gpu.nvml import Gpu
    from exporters.sample import Sample

_MOST = 16
"""Fans on a card; a number far beyond must not become as many series."""

_FASTEST = 200
"""Percent; NVML says that it may exceed 100."""


def speeds(gpu: Gpu) -> Iterator[Sample]:
    """Yield each fan's speed; NVML counts percent."""
    fans = {str(fan): fan for fan in range(gpu.number("nvmlDeviceGetNumFans", most=_MOST))}
    speed = partial(gpu.number, "nvmlDeviceGetFanSpeed_v2", most=_FASTEST)
    for fan, percent in each(fans, speed):
        yield gpu.sample(GPU_FAN_SPEED, percent / 100, fan)


FACILITY = Facility(family="gpu", name="fans", reads="fan speeds", readings=(speeds,))
