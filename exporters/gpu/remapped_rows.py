"""gpu/remapped_rows: memory rows that were replaced by spare ones, and how many are left.

Ampere and newer; NVML tells nothing of it while MIG instances are active.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.gpu_repair import (
    GPU_REMAPPED_ROWS,
    GPU_REMAPPED_ROWS_FAILED,
    GPU_REMAPPED_ROWS_PENDING,
    GPU_REMAPPER_BANKS,
)
from exporters.facility import Facility

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporters.gpu.nvml import Gpu
    from exporters.sample import Sample


def rows(gpu: Gpu) -> Iterator[Sample]:
    """Yield the rows replaced by kind of error, and whether one waits or failed."""
    correctable, uncorrectable, pending, failed = gpu.numbers("nvmlDeviceGetRemappedRows")
    yield gpu.sample(GPU_REMAPPED_ROWS, correctable, "correctable")
    yield gpu.sample(GPU_REMAPPED_ROWS, uncorrectable, "uncorrectable")
    yield gpu.sample(GPU_REMAPPED_ROWS_PENDING, bool(pending))
    yield gpu.sample(GPU_REMAPPED_ROWS_FAILED, bool(failed))


def banks(gpu: Gpu) -> Iterator[Sample]:
    """Yield the memory banks by the spare rows they have left."""
    left = gpu.record("nvmlDeviceGetRowRemapperHistogram")
    for availability in ("max", "high", "partial", "low", "none"):
        yield gpu.sample(GPU_REMAPPER_BANKS, left[availability], availability)


FACILITY = Facility(
    family="gpu",
    name="remapped_rows",
    reads="memory rows replaced by spare ones, and how many are left",
    readings=(rows, banks),
)
