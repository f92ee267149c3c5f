"""gpu/bar1: the window through which others reach the GPU's memory; GPUDirect RDMA needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.gpu_engines import GPU_BAR1_CAPACITY, GPU_BAR1_FREE, GPU_BAR1_USED
from exporters.errors import Unreadable
from exporters.facility import Facility

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporters.gpu.nvml import Gpu
    from exporters.sample import Sample


def bar1(gpu: Gpu) -> Iterator[Sample]:
    """Yield the window's size, and how much of it is mapped and free."""
    told = gpu.record("nvmlDeviceGetBAR1MemoryInfo")
    total, used, free = told["bar1Total"], told["bar1Used"], told["bar1Free"]
    if max(used, free) > total:
        raise Unreadable(f"nvmlDeviceGetBAR1MemoryInfo: {used} + {free} of {total} bytes")
    yield gpu.sample(GPU_BAR1_CAPACITY, total)
    yield gpu.sample(GPU_BAR1_USED, used)
    yield gpu.sample(GPU_BAR1_FREE, free)


FACILITY = Facility(
    family="gpu",
    name="bar1",
    reads="window to the GPU's memory on the PCIe bus: capacity, used, free",
    readings=(bar1,),
)
