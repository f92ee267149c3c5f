"""gpu/thermal: how hot the GPU is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.gpu import GPU_TEMPERATURE
from exporters.facility import Facility

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporters.gpu.nvml import Gpu
    from exporters.sample import Sample


def temperature(gpu: Gpu) -> Iterator[Sample]:
    """Yield the temperature of the die."""
    yield gpu.sample(GPU_TEMPERATURE, gpu.temperature())


FACILITY = Facility(family="gpu", name="thermal", reads="GPU temperature", readings=(temperature,))
