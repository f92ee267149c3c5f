"""gpu/identity: what the GPU is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.gpu import GPU_INFO
from exporters.errors import Absent
from exporters.facility import Facility

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from exporters.gpu.nvml import Gpu
    from exporters.sample import Sample


def identity(gpu: Gpu) -> Iterator[Sample]:
    """Yield the info series; what this card does not have (a serial, on many) is empty."""
    fields = (gpu.name, gpu.serial, gpu.pci_bus_id, gpu.vbios)
    yield gpu.sample(GPU_INFO, 1, *(_or_empty(field) for field in fields))


def _or_empty(read: Callable[[], str]) -> str:
    try:
        return read()
    except Absent:
        return ""


FACILITY = Facility(
    family="gpu", name="identity", reads="name, serial, PCI bus id, VBIOS", readings=(identity,)
)
