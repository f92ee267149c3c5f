"""gpu/pcie: how fast and wide the GPU's own link is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.gpu_pcie import (
    GPU_PCIE_GENERATION,
    GPU_PCIE_GENERATION_MAX,
    GPU_PCIE_LANES,
    GPU_PCIE_LANES_MAX,
)
from exporters.facility import Facility

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporters.gpu.nvml import Gpu
    from exporters.sample import Sample

_NEWEST, _WIDEST = 15, 64
"""Beyond what PCIe has, so that nonsense does not pass."""


def generation(gpu: Gpu) -> Iterator[Sample]:
    """Yield the generation, now and at most."""
    now = gpu.number("nvmlDeviceGetCurrPcieLinkGeneration", most=_NEWEST)
    yield gpu.sample(GPU_PCIE_GENERATION, now)
    highest = gpu.number("nvmlDeviceGetMaxPcieLinkGeneration", most=_NEWEST)
    yield gpu.sample(GPU_PCIE_GENERATION_MAX, highest)


def lanes(gpu: Gpu) -> Iterator[Sample]:
    """Yield the lanes, now and at most."""
    now = gpu.number("nvmlDeviceGetCurrPcieLinkWidth", most=_WIDEST)
    yield gpu.sample(GPU_PCIE_LANES, now)
    most = gpu.number("nvmlDeviceGetMaxPcieLinkWidth", most=_WIDEST)
    yield gpu.sample(GPU_PCIE_LANES_MAX, most)


FACILITY = Facility(
    family="gpu",
    name="pcie",
    reads="generation and lanes of the PCIe link, now and at most",
    readings=(generation, lanes),
)
