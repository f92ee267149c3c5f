"""gpu/thermal_limits: how hot the GPU may become, as temperatures or as margins."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from catalog import gpu_board
from exporters.facility import Facility
from exporters.gpu.degrees import MOST, plausible
from exporters.gpu.fields import Field
from exporters.gpu.kinds import each

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporters.gpu.nvml import Gpu
    from exporters.sample import Sample

_THRESHOLDS = {"shutdown": 0, "slowdown": 1, "memory_max": 2, "gpu_max": 3}
"""nvmlTemperatureThresholds_t."""

_MARGINS = {
    "shutdown": Field.TEMPERATURE_SHUTDOWN_TLIMIT,
    "slowdown": Field.TEMPERATURE_SLOWDOWN_TLIMIT,
    "memory_max": Field.TEMPERATURE_MEM_MAX_TLIMIT,
    "gpu_max": Field.TEMPERATURE_GPU_MAX_TLIMIT,
}


def thresholds(gpu: Gpu) -> Iterator[Sample]:
    """Yield the temperatures at which something is done; newer GPUs tell margins instead."""
    read = partial(gpu.number, "nvmlDeviceGetTemperatureThreshold", most=MOST)
    for threshold, value in each(_THRESHOLDS, read):
        yield gpu.sample(gpu_board.GPU_TEMPERATURE_THRESHOLD, value, threshold)


def margin(gpu: Gpu) -> Iterator[Sample]:
    """Yield the margin to the next slowdown."""
    name = "nvmlDeviceGetMarginTemperature"
    yield gpu.sample(gpu_board.GPU_TEMPERATURE_MARGIN, plausible(name, gpu.number(name)))


def margins(gpu: Gpu) -> Iterator[Sample]:
    """Yield the margins at which something is done."""
    for threshold, value in each(_MARGINS, gpu.field):
        told = plausible(f"T.Limit {threshold}", value)
        yield gpu.sample(gpu_board.GPU_TEMPERATURE_MARGIN_THRESHOLD, told, threshold)


FACILITY = Facility(
    family="gpu",
    name="thermal_limits",
    reads="temperature thresholds, margin and its thresholds",
    readings=(thresholds, margin, margins),
)
