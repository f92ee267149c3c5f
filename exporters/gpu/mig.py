"""gpu/mig: whether the GPU is divided, into what, and each part's memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog import gpu_mig
from exporters.facility import Facility
from exporters.gpu.kinds import each

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporters.gpu.nvml import Gpu
    from exporters.sample import Sample


def mode(gpu: Gpu) -> Iterator[Sample]:
    """Yield the mode, now and after a reset; absent before Ampere."""
    current, pending = gpu.division.modes()
    yield gpu.sample(gpu_mig.GPU_MIG_MODE, current)
    yield gpu.sample(gpu_mig.GPU_MIG_MODE_PENDING, pending)


def devices(gpu: Gpu) -> Iterator[Sample]:
    """Yield what the MIG devices are."""
    for device in gpu.division.instances():
        numbers = (str(device.gpu_instance), str(device.compute_instance))
        yield gpu.sample(gpu_mig.GPU_MIG_INFO, 1, device.uuid, *numbers, device.profile)


def memory(gpu: Gpu) -> Iterator[Sample]:
    """Yield the memory of each MIG device; compute instances of one GPU instance share it."""
    listed = {device.uuid: device for device in gpu.division.instances()}
    for uuid, amounts in each(listed, gpu.memory):
        yield gpu.sample(gpu_mig.GPU_MIG_MEMORY_CAPACITY, amounts.total, uuid)
        yield gpu.sample(gpu_mig.GPU_MIG_MEMORY_USED, amounts.used, uuid)
        yield gpu.sample(gpu_mig.GPU_MIG_MEMORY_FREE, amounts.free, uuid)


FACILITY = Facility(
    family="gpu",
    name="mig",
    reads="MIG mode, MIG devices and their memory",
    readings=(mode, devices, memory),
)
