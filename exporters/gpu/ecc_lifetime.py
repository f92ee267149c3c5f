"""gpu/ecc_lifetime: memory errors in the card's life, by where they happened.

What the inventory of a fleet asks once a month; what is new stands in gpu/ecc_locations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.gpu_ecc import GPU_ECC_LIFETIME_ERRORS, GPU_SRAM_LIFETIME_UNCORRECTED
from exporters.facility import Facility
from exporters.gpu.ecc_locations import AGGREGATE, errors_by_location

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporters.gpu.nvml import Gpu
    from exporters.sample import Sample


def lifetime(gpu: Gpu) -> Iterator[Sample]:
    """Yield the errors by location and kind."""
    yield from errors_by_location(gpu, GPU_ECC_LIFETIME_ERRORS, AGGREGATE)


def units(gpu: Gpu) -> Iterator[Sample]:
    """Yield the uncorrected errors of the SRAM by unit. Ampere and newer; for root only."""
    told = gpu.sram_ecc()
    for unit in ("L2", "Sm", "Pcie", "Mcu", "Other"):
        count = told[f"aggregateUncBucket{unit}"]
        yield gpu.sample(GPU_SRAM_LIFETIME_UNCORRECTED, count, unit.lower())


FACILITY = Facility(
    family="gpu",
    name="ecc_lifetime",
    reads="ECC errors in the card's life, by location and by unit of the SRAM",
    readings=(lifetime, units),
    on=False,
)
