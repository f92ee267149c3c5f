"""gpu/memory: framebuffer memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.gpu import (
    GPU_MEMORY_CAPACITY,
    GPU_MEMORY_FREE,
    GPU_MEMORY_RESERVED,
    GPU_MEMORY_USED,
)
from exporters.facility import Facility

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporters.gpu.nvml import Gpu
    from exporters.sample import Sample


def memory(gpu: Gpu) -> Iterator[Sample]:
    """Yield capacity, used, free and, where the driver tells it apart, reserved."""
    amounts = gpu.memory()
    yield gpu.sample(GPU_MEMORY_CAPACITY, amounts.total)
    yield gpu.sample(GPU_MEMORY_USED, amounts.used)
    yield gpu.sample(GPU_MEMORY_FREE, amounts.free)
    if amounts.reserved is not None:
        yield gpu.sample(GPU_MEMORY_RESERVED, amounts.reserved)


FACILITY = Facility(
    family="gpu", name="memory", reads="GPU memory: capacity, used, free", readings=(memory,)
)
