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
    from collections.abc import Iterator, Mapping

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
class Reading:
    """What a rate becomes: a metric, with what its unit is in base units, and labels."""

    metric: Metric
    unit: float
    labels: tuple[str, ...] = ()


def share(metric: Metric, *labels: str) -> Reading:
    """Return what makes a ratio of a percentage."""
    return Reading(metric=metric, unit=_PERCENT, labels=labels)


def _bytes(metric: Metric, direction: str) -> Reading:
    return Reading(metric=metric, unit=_MIB, labels=(direction,))


_READINGS = {
    Rate.GRAPHICS_UTIL: share(gpu_gpm.GPU_GRAPHICS_ACTIVE),
    Rate.SM_UTIL: share(gpu_gpm.GPU_SM_ACTIVE),
    Rate.SM_OCCUPANCY: share(gpu_gpm.GPU_SM_OCCUPANCY),
    Rate.ANY_TENSOR_UTIL: share(gpu_gpm.GPU_TENSOR_ACTIVE),
    Rate.DRAM_BW_UTIL: share(gpu_gpm.GPU_DRAM_ACTIVE),
}

THROUGHPUTS = {
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
    yield from worked_out(gpu, _READINGS, gpu.gpm.complete())


def throughputs(gpu: Gpu) -> Iterator[Sample]:
    """Yield what the GPU as a whole sent and received."""
    pairs = gpu.gpm.complete()
    devices = {uuid for uuid in pairs if uuid}
    whole = {uuid: pair for uuid, pair in pairs.items() if uuid not in devices}
    yield from worked_out(gpu, THROUGHPUTS, whole)


def worked_out(
    gpu: Gpu, readings: Mapping[Rate, Reading], pairs: Mapping[str, Pair]
) -> Iterator[Sample]:
    """Yield these rates, of what was sampled in this cycle and the one before."""
    asked = {
        (uuid, rate): (pair, rate, reading.unit)
        for uuid, pair in pairs.items()
        for rate, reading in readings.items()
    }
    for (uuid, rate), value in each(asked, _value):
        yield gpu.sample(readings[rate].metric, value, uuid, *readings[rate].labels)


def _measured(gpu: Gpu) -> dict[str, Instance | None]:
    """Return what is measured, by its uuid: the whole GPU has none."""
    devices = gpu.division.instances()
    shared = Counter(device.gpu_instance for device in devices)
    alone = {device.uuid: device for device in devices if shared[device.gpu_instance] == 1}
    return {**alone} if gpu.division.is_on() else {"": None}


def _value(asked: tuple[Pair, Rate, float]) -> float:
    """Return a rate as a ratio, or in bytes a second."""
    pair, rate, unit = asked
    value = pair.rate(rate) * unit
    if unit != _PERCENT:
        return value
    if value > 1 + _ROUNDING:
        raise Unreadable(f"NVML_GPM_METRIC_{rate.name}: {value:.4g} is beyond the whole")
    return min(value, 1)


FACILITY = Facility(
    family="gpu",
    name="gpm",
    reads="what SMs, tensor cores, DRAM, PCIe and NVLink did (GPM, Hopper and newer)",
    readings=(sample, rates, throughputs),
)
