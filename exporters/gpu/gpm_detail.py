"""gpu/gpm_detail: how busy each pipe was, and MIG devices' PCIe, out of the samples of gpu/gpm.

Eight to ten series a GPU, or a MIG device, that few need beside what gpu/gpm tells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.gpu_gpm import GPU_PIPE_ACTIVE
from exporters.facility import Facility
from exporters.gpu.gpm import THROUGHPUTS, share, worked_out
from exporters.gpu.rates import Rate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporters.gpu.nvml import Gpu
    from exporters.sample import Sample

_PIPES = {
    Rate.INTEGER_UTIL: share(GPU_PIPE_ACTIVE, "integer"),
    Rate.FP64_UTIL: share(GPU_PIPE_ACTIVE, "fp64"),
    Rate.FP32_UTIL: share(GPU_PIPE_ACTIVE, "fp32"),
    Rate.FP16_UTIL: share(GPU_PIPE_ACTIVE, "fp16"),
    Rate.DFMA_TENSOR_UTIL: share(GPU_PIPE_ACTIVE, "tensor_dfma"),
    Rate.HMMA_TENSOR_UTIL: share(GPU_PIPE_ACTIVE, "tensor_hmma"),
    Rate.DMMA_TENSOR_UTIL: share(GPU_PIPE_ACTIVE, "tensor_dmma"),
    Rate.IMMA_TENSOR_UTIL: share(GPU_PIPE_ACTIVE, "tensor_imma"),
}


def pipes(gpu: Gpu) -> Iterator[Sample]:
    """Yield how busy each was since the sample of the cycle before."""
    yield from worked_out(gpu, _PIPES, gpu.gpm.complete())


def throughputs(gpu: Gpu) -> Iterator[Sample]:
    """Yield what each MIG device sent and received."""
    devices = {uuid: pair for uuid, pair in gpu.gpm.complete().items() if uuid}
    yield from worked_out(gpu, THROUGHPUTS, devices)


FACILITY = Facility(
    family="gpu",
    name="gpm_detail",
    reads="how busy each pipe was, by precision, and PCIe by MIG device; needs gpu.gpm",
    readings=(pipes, throughputs),
    on=False,
)
