"""gpu/ecc: memory errors since the driver was loaded or the GPU reset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.gpu import GPU_ECC_ERRORS
from exporters.facility import Facility

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporters.gpu.nvml import Gpu
    from exporters.sample import Sample


def corrected(gpu: Gpu) -> Iterator[Sample]:
    """Yield the single-bit errors that were put right; absent where ECC is off."""
    yield gpu.sample(GPU_ECC_ERRORS, gpu.ecc_errors(uncorrected=False), "corrected")


def uncorrected(gpu: Gpu) -> Iterator[Sample]:
    """Yield the errors that were not; absent where ECC is off."""
    yield gpu.sample(GPU_ECC_ERRORS, gpu.ecc_errors(uncorrected=True), "uncorrected")


FACILITY = Facility(family="gpu", name="ecc", reads="ECC errors", readings=(corrected, uncorrected))
