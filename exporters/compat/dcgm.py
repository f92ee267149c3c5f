"""dcgm-exporter's default fields, under its names and labels and in its units.

A device has one series a field, so that sums over GPUs are true: the pod's labels stand on it where
exactly one pod holds the device. With several, dcgm-exporter takes any of them, or copies the
device's value to each; here `railwatch_gpu_allocation` gives each its part. A device that several
batch jobs use is copied for each, as there. Under MIG what belongs to an instance carries its
GPU_I_ID; what the card has once, such as its power, is told once.
"""

import os
from collections.abc import Callable, Iterator, Sequence

from catalog import compat, gpu, gpu_board, gpu_clocks, gpu_engines, gpu_gpm, gpu_mig, gpu_pcie
from catalog import compat_dcgm as dcgm
from catalog.foreign import Foreign
from catalog.gpu_license import GPU_VGPU_LICENSE, LICENSE_STATES
from catalog.gpu_repair import GPU_REMAPPED_ROWS, GPU_REMAPPED_ROWS_FAILED
from catalog.metrics import Metric
from catalog.xid import table
from exporters.compat.dcgm_labels import Labels
from exporters.compat.emitter import Emitter
from exporters.sample import Sample

_MEGA, _MIB, _PERCENT, _MILLI = 1e-6, 1 / (1 << 20), 100.0, 1000.0

_Labels = tuple[str, ...]
_Fits = Callable[[_Labels], bool]


def _any(_rest: _Labels) -> bool:
    return True


def _is(value: str) -> _Fits:
    return lambda rest: bool(rest) and rest[-1] == value


_OF_DEVICE: tuple[tuple[Foreign, Metric, _Fits, float], ...] = (
    (dcgm.SM_CLOCK, gpu_clocks.GPU_CLOCK, _is("sm"), _MEGA),
    (dcgm.MEM_CLOCK, gpu_clocks.GPU_CLOCK, _is("memory"), _MEGA),
    (dcgm.MEMORY_TEMP, gpu_board.GPU_MEMORY_TEMPERATURE, _any, 1),
    (dcgm.GPU_TEMP, gpu.GPU_TEMPERATURE, _any, 1),
    (dcgm.POWER_USAGE, gpu.GPU_POWER, _any, 1),
    (dcgm.ENERGY, gpu.GPU_ENERGY, _any, _MILLI),
    (dcgm.PCIE_REPLAY, gpu_pcie.GPU_PCIE_REPLAYS, _any, 1),
    (dcgm.GPU_UTIL, gpu.GPU_UTILIZATION, _any, _PERCENT),
    (dcgm.MEM_COPY_UTIL, gpu.GPU_MEMORY_COPY_UTILIZATION, _any, _PERCENT),
    (dcgm.ENC_UTIL, gpu_engines.GPU_ENGINE_UTILIZATION, _is("encoder"), _PERCENT),
    (dcgm.DEC_UTIL, gpu_engines.GPU_ENGINE_UTILIZATION, _is("decoder"), _PERCENT),
    (dcgm.FB_RESERVED, gpu.GPU_MEMORY_RESERVED, _any, _MIB),
    (dcgm.VGPU_LICENSE, GPU_VGPU_LICENSE, _is(LICENSE_STATES[-1]), 1),
    (dcgm.UNCORRECTABLE_ROWS, GPU_REMAPPED_ROWS, _is("uncorrectable"), 1),
    (dcgm.CORRECTABLE_ROWS, GPU_REMAPPED_ROWS, _is("correctable"), 1),
    (dcgm.ROW_REMAP_FAILURE, GPU_REMAPPED_ROWS_FAILED, _any, 1),
)
"""Fields of a card: the field, what it comes from, which of that metric's series, times what."""

_OF_INSTANCE: tuple[tuple[Foreign, Metric, _Fits, float], ...] = (
    (dcgm.FB_FREE, gpu_mig.GPU_MIG_MEMORY_FREE, _any, _MIB),
    (dcgm.FB_USED, gpu_mig.GPU_MIG_MEMORY_USED, _any, _MIB),
    (dcgm.GR_ENGINE_ACTIVE, gpu_gpm.GPU_GRAPHICS_ACTIVE, _any, 1),
    (dcgm.PIPE_TENSOR_ACTIVE, gpu_gpm.GPU_TENSOR_ACTIVE, _any, 1),
    (dcgm.DRAM_ACTIVE, gpu_gpm.GPU_DRAM_ACTIVE, _any, 1),
    (dcgm.PCIE_TX_BYTES, gpu_gpm.GPU_PCIE_THROUGHPUT, _is("transmit"), 1),
    (dcgm.PCIE_RX_BYTES, gpu_gpm.GPU_PCIE_THROUGHPUT, _is("receive"), 1),
)
"""Fields of a MIG instance; where GPUs are not divided, of the card."""

_UNDIVIDED: tuple[tuple[Foreign, Metric, _Fits, float], ...] = (
    (dcgm.FB_FREE, gpu.GPU_MEMORY_FREE, _any, _MIB),
    (dcgm.FB_USED, gpu.GPU_MEMORY_USED, _any, _MIB),
)
"""Fields of a card that is not divided: one that is tells them by instance."""

_BANDWIDTH = 1 / (1000 * 1024)
"""DCGM divides KiB a second by 1,000 and calls it MB/s."""


def emit(samples: Sequence[Sample]) -> Iterator[Sample]:
    """Yield the fields that the samples have a reading for."""
    labels = Labels(samples, os.environ.get("NODE_NAME") or os.uname().nodename)
    by_metric: dict[str, list[Sample]] = {}
    for sample in samples:
        by_metric.setdefault(sample.metric.name, []).append(sample)
    yield from _fields(_OF_DEVICE, by_metric, labels, lambda _uuid, _mig: True)
    yield from _fields(_OF_INSTANCE, by_metric, labels, labels.first_of_instance)
    yield from _fields(_UNDIVIDED, by_metric, labels, lambda uuid, _mig: not labels.divided(uuid))
    yield from _bandwidth(by_metric.get(gpu_gpm.GPU_NVLINK_THROUGHPUT.name, ()), labels)
    yield from _xids(by_metric.get(gpu.GPU_XID_LAST_TIMESTAMP.name, ()), labels)


def _fields(
    fields: tuple[tuple[Foreign, Metric, _Fits, float], ...],
    by_metric: dict[str, list[Sample]],
    labels: Labels,
    wanted: Callable[[str, str], bool],
) -> Iterator[Sample]:
    for field, source, fits, factor in fields:
        for sample in by_metric.get(source.name, ()):
            _index, uuid, *rest = sample.labels
            mig = rest.pop(0) if source.labels[2:3] == ("mig",) else ""
            if fits(tuple(rest)) and wanted(uuid, mig):
                for told in labels.of(uuid, mig):
                    yield Sample(field, told, sample.value * factor)


def _bandwidth(samples: Sequence[Sample], labels: Labels) -> Iterator[Sample]:
    """Yield what NVLinks carry, both directions together."""
    sums: dict[tuple[str, str], float] = {}
    for sample in samples:
        _index, uuid, mig, _direction = sample.labels
        sums[uuid, mig] = sums.get((uuid, mig), 0.0) + sample.value
    for (uuid, mig), value in sums.items():
        if labels.first_of_instance(uuid, mig):
            for told in labels.of(uuid, mig):
                yield Sample(dcgm.NVLINK_BANDWIDTH, told, value * _BANDWIDTH)


def _xids(samples: Sequence[Sample], labels: Labels) -> Iterator[Sample]:
    """Yield the last Xid of each GPU; there is none where none was seen since the boot."""
    last: dict[str, tuple[float, int]] = {}
    for sample in samples:
        _index, uuid, code, _resolution = sample.labels
        seen = (sample.value, int(code)) if sample.value else (0.0, 0)
        last[uuid] = max(last.get(uuid, (0.0, 0)), seen)
    for uuid, (_, xid) in last.items():
        for told in labels.of(uuid, ""):
            yield Sample(dcgm.XID_ERRORS, (*told, str(xid), _message(xid)), xid)


def _message(xid: int) -> str:
    known = table().get(xid)
    return "No Error" if xid == 0 else known.description if known else ""


EMITTER = Emitter(name=compat.DCGM, metrics=dcgm.DCGM, emit=emit)
