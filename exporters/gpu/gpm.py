"""gpu/gpm: what the units of the GPU did since the cycle before, Hopper and newer.

GPM tells of a GPU instance as a whole: where several MIG devices share one, there is no telling
which of them was busy, and so no series.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from catalog import gpu_gpm
from exporters.errors import Unreadable
from exporters.facility import Facility
from exporters.gpu.kinds import each
from exporters.gpu.rates import Rate
from exporters.sample import Note

if TYPE_CHECKING:
    from collections.abc import Iterator

    from catalog.metrics import Metric
    from exporters.gpu.nvml import Gpu
    from exporters.gpu.nvml.division import Instance
    from exporters.gpu.nvml.gpm import Pair
    from exporters.sample import Sample

SAMPLED = "gpm_sampled"

_MIB = 1 << 20
_PERCENT = 0.01
_ROUNDING = 0.005
"""NVML works shares out of counters that are not read at one instant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    metric: Metric
    unit: float
    labels: tuple[str, ...] = ()


def _share(metric: Metric, *labels: str) -> _Reading:
    return _Reading(metric=metric, unit=_PERCENT, labels=labels)


def _bytes(metric: Metric, direction: str) -> _Reading:
    return _Reading(metric=metric, unit=_MIB, labels=(direction,))


_READINGS = {
    Rate.GRAPHICS_UTIL: _share(gpu_gpm.GPU_GRAPHICS_ACTIVE),
    Rate.SM_UTIL: _share(gpu_gpm.GPU_SM_ACTIVE),
    Rate.SM_OCCUPANCY: _share(gpu_gpm.GPU_SM_OCCUPANCY),
    Rate.ANY_TENSOR_UTIL: _share(gpu_gpm.GPU_TENSOR_ACTIVE),
    Rate.DRAM_BW_UTIL: _share(gpu_gpm.GPU_DRAM_ACTIVE),
    Rate.INTEGER_UTIL: _share(gpu_gpm.GPU_PIPE_ACTIVE, "integer"),
    Rate.FP64_UTIL: _share(gpu_gpm.GPU_PIPE_ACTIVE, "fp64"),
    Rate.FP32_UTIL: _share(gpu_gpm.GPU_PIPE_ACTIVE, "fp32"),
    Rate.FP16_UTIL: _share(gpu_gpm.GPU_PIPE_ACTIVE, "fp16"),
    Rate.DFMA_TENSOR_UTIL: _share(gpu_gpm.GPU_PIPE_ACTIVE, "tensor_dfma"),
    Rate.HMMA_TENSOR_UTIL: _share(gpu_gpm.GPU_PIPE_ACTIVE, "tensor_hmma"),
    Rate.DMMA_TENSOR_UTIL: _share(gpu_gpm.GPU_PIPE_ACTIVE, "tensor_dmma"),
    Rate.IMMA_TENSOR_UTIL: _share(gpu_gpm.GPU_PIPE_ACTIVE, "tensor_imma"),
    Rate.PCIE_TX_PER_SEC: _bytes(gpu_gpm.GPU_PCIE_THROUGHPUT, "transmit"),
    Rate.PCIE_RX_PER_SEC: _bytes(gpu_gpm.GPU_PCIE_THROUGHPUT, "receive"),
    Rate.NVLINK_TOTAL_TX_PER_SEC: _bytes(gpu_gpm.GPU_NVLINK_THROUGHPUT, "transmit"),
    Rate.NVLINK_TOTAL_RX_PER_SEC: _bytes(gpu_gpm.GPU_NVLINK_THROUGHPUT, "receive"),
}


def sample(gpu: Gpu) -> Iterator[Note]:
    """Take a sample of the GPU, or of each MIG device that has a GPU instance to itself."""
    gpu.gpm.require()
    measured = _measured(gpu)
    gpu.gpm.keep(set(measured))
    for uuid, _ in each(measured, gpu.gpm.take):
        yield Note(SAMPLED, uuid)


def rates(gpu: Gpu) -> Iterator[Sample]:
    """Yield the rates since the sample of the cycle before; none in the first cycle."""
    asked = {
        (uuid, rate): (pair, rate)
        for uuid, pair in gpu.gpm.complete().items()
        for rate in _READINGS
    }
    for (uuid, rate), value in each(asked, _value):
        reading = _READINGS[rate]
        yield gpu.sample(reading.metric, value, uuid, *reading.labels)


def _measured(gpu: Gpu) -> dict[str, Instance | None]:
    """Return what is measured, by its uuid: the whole GPU has none."""
    devices = gpu.division.instances()
    shared = Counter(device.gpu_instance for device in devices)
    alone = {device.uuid: device for device in devices if shared[device.gpu_instance] == 1}
    return {**alone} if gpu.division.is_on() else {"": None}


def _value(asked: tuple[Pair, Rate]) -> float:
    """Return a rate as a ratio, or in bytes a second."""
    pair, rate = asked
    value = pair.rate(rate) * _READINGS[rate].unit
    if _READINGS[rate].unit != _PERCENT:
        return value
    if value > 1 + _ROUNDING:
        raise Unreadable(f"NVML_GPM_METRIC_{rate.name}: {value:.4g} is beyond the whole")
    return min(value, 1)


FACILITY = Facility(
    family="gpu",
    name="gpm",
    reads="what SMs, tensor cores, pipes, DRAM, PCIe and NVLink did (GPM, Hopper and newer)",
    readings=(sample, rates),
)
