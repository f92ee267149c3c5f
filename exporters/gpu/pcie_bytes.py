"""gpu/pcie_bytes: what passed over the GPU's own link, where the driver's counters are wide.

nvml.h: these counters can wrap. Beyond 32 bits they are seen not to wrap there, and from then on
they are true ones; `nvmlDeviceGetPcieThroughput` would block for 20 ms a direction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.gpu_pcie import GPU_PCIE_RECEIVED, GPU_PCIE_TRANSMITTED
from exporters.errors import Absent
from exporters.facility import Facility
from exporters.gpu.fields import Field

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporters.gpu.nvml import Gpu
    from exporters.sample import Sample

_NARROW = 2**32


def passed(gpu: Gpu) -> Iterator[Sample]:
    """Yield what was sent and received; absent while both could be counters of 32 bits."""
    transmitted = gpu.field(Field.PCIE_COUNT_TX_BYTES)
    received = gpu.field(Field.PCIE_COUNT_RX_BYTES)
    if max(transmitted, received) < _NARROW:
        raise Absent("NVML_FI_DEV_PCIE_COUNT_*_BYTES: may wrap at 32 bits")
    yield gpu.sample(GPU_PCIE_TRANSMITTED, transmitted)
    yield gpu.sample(GPU_PCIE_RECEIVED, received)


FACILITY = Facility(
    family="gpu", name="pcie_bytes", reads="bytes over the PCIe link", readings=(passed,)
)
