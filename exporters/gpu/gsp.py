"""gpu/gsp: whether the driver runs on the GPU's own system processor, and which firmware."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.gpu_power import GPU_GSP_ENABLED, GPU_GSP_INFO
from exporters.facility import Facility

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporters.gpu.nvml import Gpu
    from exporters.sample import Sample


def mode(gpu: Gpu) -> Iterator[Sample]:
    """Yield whether it is enabled."""
    enabled, _by_default = gpu.numbers("nvmlDeviceGetGspFirmwareMode")
    yield gpu.sample(GPU_GSP_ENABLED, bool(enabled))


def version(gpu: Gpu) -> Iterator[Sample]:
    """Yield the firmware's version; absent where it is not enabled."""
    yield gpu.sample(GPU_GSP_INFO, 1, gpu.text("nvmlDeviceGetGspFirmwareVersion"))


FACILITY = Facility(
    family="gpu", name="gsp", reads="GSP: enabled, firmware version", readings=(mode, version)
)
