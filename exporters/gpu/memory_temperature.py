"""gpu/memory_temperature: how hot the GPU's memory is; high-bandwidth memory has a sensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.gpu_board import GPU_MEMORY_TEMPERATURE
from exporters.facility import Facility
from exporters.gpu.degrees import plausible
from exporters.gpu.fields import Field

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporters.gpu.nvml import Gpu
    from exporters.sample import Sample


def memory(gpu: Gpu) -> Iterator[Sample]:
    """Yield the temperature."""
    value = gpu.field(Field.MEMORY_TEMP)
    yield gpu.sample(GPU_MEMORY_TEMPERATURE, plausible("NVML_FI_DEV_MEMORY_TEMP", value))


FACILITY = Facility(
    family="gpu", name="memory_temperature", reads="memory temperature", readings=(memory,)
)
