"""Queues as metric families."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from prometheus_client.core import GaugeMetricFamily

from catalog import scheduler_queue as records
from catalog.metrics import Metric
from scheduler_feedback.queue.engines import Reading
from scheduler_feedback.queue.service import Queues
from scheduler_feedback.queue.told import Amounts, Told

_AMOUNTS: tuple[tuple[Metric, Callable[[Told], Amounts]], ...] = (
    (records.QUEUE_GUARANTEED, lambda told: told.guaranteed),
    (records.QUEUE_LIMIT, lambda told: told.limit),
    (records.QUEUE_BORROWABLE, lambda told: told.borrowable),
    (records.QUEUE_USED, lambda told: told.used),
    (records.QUEUE_BORROWED, lambda told: told.borrowed),
)


def families(queues: Queues) -> Iterator[GaugeMetricFamily]:
    """Yield what is known of all queues, ours and the engines'."""
    census, readings = queues.census, queues.readings
    told = [*(census.told if census is not None else ())]
    told += [each for _, reading in readings for each in reading.told]
    for metric, amounts in _AMOUNTS:
        yield _amounts(metric, ((each, amounts(each)) for each in told))
    yield _waiting(told)
    yield from _readable(readings)
    good = [] if census is None else [((), float(census.good))]
    yield _family(records.QUEUES_FILE_GOOD, good)


def _amounts(metric: Metric, found: Iterable[tuple[Told, Amounts]]) -> GaugeMetricFamily:
    return _family(
        metric,
        (
            ((told.kind, told.queue, resource), float(amount))
            for told, amounts in found
            for resource, amount in sorted(amounts.items())
        ),
    )


def _waiting(told: Sequence[Told]) -> GaugeMetricFamily:
    """Return who waits for what; of our own queues every reason, zero or not."""
    samples: dict[tuple[str, ...], float] = {}
    for each in told:
        counts: Mapping[str, int] = each.waiting
        if each.kind == records.OURS:
            counts = dict.fromkeys(records.QUEUE_REASONS, 0) | dict(counts)
        samples |= {(each.kind, each.queue, why): float(n) for why, n in counts.items()}
    return _family(records.QUEUE_WAITING, samples.items())


def _readable(readings: Sequence[tuple[str, Reading]]) -> Iterator[GaugeMetricFamily]:
    yield _family(
        records.QUEUES_READ, (((kind,), float(reading.readable)) for kind, reading in readings)
    )
    yield _family(
        records.QUEUES_UNTOLD,
        (((kind,), float(reading.untold)) for kind, reading in readings if reading.readable),
    )


def _family(metric: Metric, samples: Iterable[tuple[tuple[str, ...], float]]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
    for labels, value in samples:
        family.add_metric(labels, value)
    return family
