"""node_exporter's infiniband collector (1.12.1): the same series with the same values, raw.

Its oddities are kept: bytes wrap at 64 bits, rates go through single precision, life spans are
whole seconds, what counts a device as a whole is not there. Where it loses every device for one
odd file, ours loses that file's series.
"""

import struct
from collections.abc import Callable, Iterator, Sequence

from catalog import compat
from catalog.compat_node_exporter import (
    DISCARDS,
    DISCARDS_FILE,
    DRIVER_COUNTERS,
    INFO,
    LEGACY,
    LEGACY_WORDS,
    LIFESPAN,
    NODE_EXPORTER,
    PHYSICAL_STATE,
    PMA_COUNTERS,
    RATE,
    RECEIVED,
    STATE,
    TRANSMITTED,
)
from catalog.metrics import Metric
from catalog.rdma import (
    RDMA_PORT_INFO,
    RDMA_PORT_PHYSICAL_STATE,
    RDMA_PORT_RATE,
    RDMA_PORT_RECEIVE,
    RDMA_PORT_STATE,
    RDMA_PORT_TRANSMIT,
)
from catalog.rdma_counters import KNOWN, RDMA_HW_STATISTIC, RDMA_LIFESPAN
from exporters.compat.emitter import Emitter
from exporters.rdma.counters import WORD
from exporters.sample import Sample

_BYTES_OF_GIGABIT = 125_000_000
_NARROW = frozenset(one.metric.name for one in KNOWN if one.bits == 32)  # noqa: PLR2004 - bits
_FLOAT32 = struct.Struct("f")
_KIND = RDMA_PORT_INFO.labels.index("hca_type")
_MELLANOX = "MT"


def _as_it_is(value: float) -> float:
    return value


def _wrapped(value: float) -> float:
    return int(value) % 2**64


def _single(value: float) -> float:
    (gigabits,) = _FLOAT32.unpack(_FLOAT32.pack(value / _BYTES_OF_GIGABIT))
    return int(gigabits * _BYTES_OF_GIGABIT)


def _narrow(value: float) -> float:
    """Return what a counter of 32 bits says itself, where ours counts on over its wraps."""
    return int(value) % 2**32


def _whole(value: float) -> float:
    return int(value)


_NAMED: dict[str, tuple[Metric, Callable[[float], float]]] = {
    RDMA_PORT_STATE.name: (STATE, _as_it_is),
    RDMA_PORT_PHYSICAL_STATE.name: (PHYSICAL_STATE, _as_it_is),
    RDMA_PORT_RATE.name: (RATE, _single),
    RDMA_LIFESPAN.name: (LIFESPAN, _whole),
    **{name: (metric, _as_it_is) for name, metric in PMA_COUNTERS.items()},
    **{
        name: (metric, _narrow if name in _NARROW else _as_it_is)
        for name, metric in DRIVER_COUNTERS.items()
    },
}
_BYTES = {RDMA_PORT_RECEIVE.name: RECEIVED, RDMA_PORT_TRANSMIT.name: TRANSMITTED}


def emit(samples: Sequence[Sample]) -> Iterator[Sample]:
    """Yield the collector's series, for the ports that the samples are of."""
    devices = {s.labels[0]: s for s in reversed(samples) if s.metric is RDMA_PORT_INFO}
    yield from map(_info, reversed(devices.values()))
    foreign = {device for device, info in devices.items() if _is_foreign(info)}
    yield from _bytes(samples)
    for sample in samples:
        named = _NAMED.get(sample.metric.name)
        if sample.metric.name in DRIVER_COUNTERS and sample.labels[0] in foreign:
            continue
        if named is not None and sample.labels[1]:
            metric, scale = named
            yield Sample(metric, sample.labels, scale(sample.value))
        elif sample.metric is RDMA_HW_STATISTIC:
            yield from _by_file(sample)


def _by_file(sample: Sample) -> Iterator[Sample]:
    """Yield what is known there by a name, and to us only by its file's."""
    *port, file = sample.labels
    if file == DISCARDS_FILE:
        yield Sample(DISCARDS, tuple(port), sample.value)
    elif file in LEGACY:
        words = file in LEGACY_WORDS
        value = _wrapped(WORD * sample.value) if words else sample.value
        yield Sample(LEGACY[file], tuple(port), value)


def _is_foreign(info: Sample) -> bool:
    """Whether a device's driver has names of its own for what ours tells under Mellanox's.

    The collector knows those of mlx5 only, and is silent of the others.
    """
    kind = info.labels[_KIND]
    return bool(kind) and not kind.startswith(_MELLANOX)


def _info(sample: Sample) -> Sample:
    told = dict(zip(sample.metric.labels, sample.labels, strict=True))
    return Sample(INFO, (told["device"], told["board_id"], told["firmware"], told["hca_type"]), 1)


def _bytes(samples: Sequence[Sample]) -> Iterator[Sample]:
    """Yield the bytes of ports that have the PMA's counters; elsewhere ours are the driver's."""
    ports = {sample.labels for sample in samples if sample.metric.name in PMA_COUNTERS}
    for sample in samples:
        metric = _BYTES.get(sample.metric.name)
        if metric is not None and sample.labels in ports:
            yield Sample(metric, sample.labels, _wrapped(sample.value))


EMITTER = Emitter(name=compat.NODE_EXPORTER, metrics=NODE_EXPORTER, emit=emit)
