"""gpu/utilization: how busy the GPU and its memory were."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.gpu import GPU_MEMORY_COPY_UTILIZATION, GPU_UTILIZATION
from exporters.facility import Facility

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporters.gpu.nvml import Gpu
    from exporters.sample import Sample


def utilization(gpu: Gpu) -> Iterator[Sample]:
    """Yield the driver's percentages as ratios."""
    percent = gpu.utilization()
    yield gpu.sample(GPU_UTILIZATION, percent.gpu / 100)
    yield gpu.sample(GPU_MEMORY_COPY_UTILIZATION, percent.memory / 100)


FACILITY = Facility(
    family="gpu",
    name="utilization",
    reads="share of time in which kernels ran and memory was accessed",
    readings=(utilization,),
)
