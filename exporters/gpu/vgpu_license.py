"""gpu/vgpu_license: whether vGPU software is licensed, in a guest and on a host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog import gpu_license
from exporters.errors import Unreadable
from exporters.facility import Facility
from exporters.gpu.kinds import each

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporters.gpu.nvml import Gpu
    from exporters.gpu.nvml.licenses import License
    from exporters.sample import Sample


def guest(gpu: Gpu) -> Iterator[Sample]:
    """Yield the licence of the guest that we run in; none on bare metal."""
    for license_ in gpu.licenses.of_guest():
        yield from _samples(gpu, license_)


def host(gpu: Gpu) -> Iterator[Sample]:
    """Yield the licence of each vGPU that the host runs."""
    handles = {handle: handle for handle in gpu.licenses.vgpus()}
    for _, license_ in each(handles, gpu.licenses.of_vgpu):
        yield from _samples(gpu, license_)


def _samples(gpu: Gpu, told: License) -> Iterator[Sample]:
    """Yield the state; one that is not known here is no state, and unreadable."""
    whose = (told.vgpu, told.product)
    if told.state >= len(gpu_license.LICENSE_STATES):
        raise Unreadable(f"vGPU licence: there is no state {told.state}")
    now = gpu_license.LICENSE_STATES[told.state]
    for state in gpu_license.LICENSE_STATES:
        yield gpu.sample(gpu_license.GPU_VGPU_LICENSE, state == now, *whose, state)
    if told.expiry is not None:
        yield gpu.sample(gpu_license.GPU_VGPU_LICENSE_EXPIRY, told.expiry, *whose)


FACILITY = Facility(
    family="gpu",
    name="vgpu_license",
    reads="licence of vGPU software: state, expiry",
    readings=(guest, host),
)
