"""gpu/ecc: memory errors since the driver was loaded or the GPU reset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.gpu import GPU_ECC_ERRORS
from exporters.facility import Facility

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporters.gpu.nvml import Gpu
    from exporters.sample import Sample


_VOLATILE = 0


def _count(gpu: Gpu, kind: int) -> int:
    """Return a volatile counter, by nvmlMemoryErrorType_t."""
    return gpu.number("nvmlDeviceGetTotalEccErrors", kind, _VOLATILE)


def corrected(gpu: Gpu) -> Iterator[Sample]:
    """Yield the single-bit errors that were put right; absent where ECC is off."""
    yield gpu.sample(GPU_ECC_ERRORS, _count(gpu, 0), "corrected")


def uncorrected(gpu: Gpu) -> Iterator[Sample]:
    """Yield the errors that were not; absent where ECC is off."""
    yield gpu.sample(GPU_ECC_ERRORS, _count(gpu, 1), "uncorrected")


FACILITY = Facility(family="gpu", name="ecc", reads="ECC errors", readings=(corrected, uncorrected))
