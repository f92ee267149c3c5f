"""gpu/power: what the board draws, may draw, and has used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.gpu import GPU_ENERGY, GPU_POWER, GPU_POWER_LIMIT
from exporters.facility import Facility

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporters.gpu.nvml import Gpu
    from exporters.sample import Sample


def draw(gpu: Gpu) -> Iterator[Sample]:
    """Yield the draw; NVML counts milliwatts."""
    yield gpu.sample(GPU_POWER, gpu.number("nvmlDeviceGetPowerUsage") / 1000)


def limit(gpu: Gpu) -> Iterator[Sample]:
    """Yield the limit in force; NVML counts milliwatts."""
    yield gpu.sample(GPU_POWER_LIMIT, gpu.number("nvmlDeviceGetEnforcedPowerLimit") / 1000)


def energy(gpu: Gpu) -> Iterator[Sample]:
    """Yield the energy used; NVML counts millijoules. Volta and newer."""
    yield gpu.sample(GPU_ENERGY, gpu.number("nvmlDeviceGetTotalEnergyConsumption") / 1000)


FACILITY = Facility(
    family="gpu", name="power", reads="power draw, limit, energy", readings=(draw, limit, energy)
)
