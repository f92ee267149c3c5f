"""gpu/sram_ecc: uncorrected SRAM errors by check, and whether there were too many.

Ampere and newer; the driver tells root only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.gpu_ecc import GPU_SRAM_THRESHOLD_EXCEEDED, GPU_SRAM_UNCORRECTED
from exporters.facility import Facility

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporters.gpu.nvml import Gpu
    from exporters.sample import Sample


def status(gpu: Gpu) -> Iterator[Sample]:
    """Yield the counts by check, and the driver's judgement."""
    told = gpu.sram_ecc()
    yield gpu.sample(GPU_SRAM_UNCORRECTED, told["volatileUncParity"], "parity")
    yield gpu.sample(GPU_SRAM_UNCORRECTED, told["volatileUncSecDed"], "secded")
    yield gpu.sample(GPU_SRAM_THRESHOLD_EXCEEDED, bool(told["bThresholdExceeded"]))


FACILITY = Facility(
    family="gpu",
    name="sram_ecc",
    reads="uncorrected SRAM errors since the reset, and whether there were too many",
    readings=(status,),
)
