"""gpu/repairs: parts that wait for a reset to be replaced, and memory that cannot be repaired."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.gpu_repair import GPU_MEMORY_UNREPAIRABLE, GPU_REPAIR_PENDING
from exporters.facility import Facility

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporters.gpu.nvml import Gpu
    from exporters.sample import Sample


def pending(gpu: Gpu) -> Iterator[Sample]:
    """Yield whether a channel of the memory or a cluster of processors waits for a reset."""
    channel, tpc = gpu.numbers("nvmlDeviceGetRepairStatus")
    yield gpu.sample(GPU_REPAIR_PENDING, bool(channel), "channel")
    yield gpu.sample(GPU_REPAIR_PENDING, bool(tpc), "tpc")


def unrepairable(gpu: Gpu) -> Iterator[Sample]:
    """Yield whether there is memory that cannot be repaired."""
    yield gpu.sample(GPU_MEMORY_UNREPAIRABLE, gpu.unrepairable_memory())


FACILITY = Facility(
    family="gpu",
    name="repairs",
    reads="repairs that wait for a reset, memory beyond repair",
    readings=(pending, unrepairable),
)
