"""gpu/ecc_locations: memory errors since the reset by where they happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.gpu_ecc import GPU_ECC_LOCATION_ERRORS
from exporters.facility import Facility
from exporters.gpu.kinds import each

if TYPE_CHECKING:
    from collections.abc import Iterator

    from catalog.metrics import Metric
    from exporters.gpu.nvml import Gpu
    from exporters.sample import Sample

_NAMES = ("l1_cache", "l2_cache", "dram", "register_file", "texture_memory", "texture_shm")
_LOCATIONS = {name: number for number, name in enumerate((*_NAMES, "cbu", "sram"))}
"""nvmlMemoryLocation_t; a card counts at few of them."""

_KINDS = {"corrected": 0, "uncorrected": 1}
"""nvmlMemoryErrorType_t."""

VOLATILE, AGGREGATE = 0, 1
"""nvmlEccCounterType_t."""


def errors_by_location(gpu: Gpu, metric: Metric, counter: int) -> Iterator[Sample]:
    """Yield what one of the two counters says of each location that the card counts at."""
    for kind, number in _KINDS.items():

        def count(location: int, number: int = number) -> int:
            return gpu.number("nvmlDeviceGetMemoryErrorCounter", number, counter, location)

        for location, errors in each(_LOCATIONS, count):
            yield gpu.sample(metric, errors, location, kind)


def lately(gpu: Gpu) -> Iterator[Sample]:
    """Yield the errors since the driver was loaded or the GPU reset; absent where ECC is off."""
    yield from errors_by_location(gpu, GPU_ECC_LOCATION_ERRORS, VOLATILE)


FACILITY = Facility(
    family="gpu",
    name="ecc_locations",
    reads="ECC errors since the reset, by location",
    readings=(lately,),
)
