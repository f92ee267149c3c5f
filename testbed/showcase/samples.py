"""One sample of a made-up series, and values that look alive but are the same each time."""

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from catalog.metrics import Kind, Metric

BOUNDS = (0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0, 600.0)
TARGET = {"node", "instance"}
"""Labels that a scrape sets."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One series and its value; `kind` is the metric's."""

    name: str
    labels: Mapping[str, str]
    value: float
    kind: Kind = Kind.GAUGE

    def __str__(self) -> str:
        """Return the sample as an exposition writes it, without a time."""
        labels = ",".join(f'{name}="{value}"' for name, value in self.labels.items() if value)
        return f"{self.name}{{{labels}}} {self.value:.10g}"


def sample(metric: Metric, value: float, **labels: str) -> Sample:
    """Return one sample; ValueError for a label that the metric and its scrape do not have."""
    if unknown := set(labels) - set(metric.labels) - TARGET:
        raise ValueError(f"{metric.name} has no {', '.join(sorted(unknown))}")
    return Sample(metric.name, labels, value, metric.kind)


def states(metric: Metric, state: str, **labels: str) -> Iterator[Sample]:
    """Yield 1 for a state, and 0 for every other that the metric has."""
    for each in metric.states:
        yield sample(metric, float(each == state), **labels, state=each)


def histogram(
    metric: Metric, at: float, *, typical: float, a_second: float, **labels: str
) -> Iterator[Sample]:
    """Yield a histogram whose observations scatter around a typical value by a factor of three."""
    yield from bucketed(metric, at, BOUNDS, typical=typical, a_second=a_second, **labels)


def bucketed(
    metric: Metric,
    at: float,
    bounds: Sequence[float],
    *,
    typical: float,
    a_second: float,
    **labels: str,
) -> Iterator[Sample]:
    """Yield such a histogram in buckets of its own, none of which ends at 0."""
    total = at * a_second
    for bound in (*bounds, math.inf):
        share = 1.0 if math.isinf(bound) else _below(bound / typical)
        le = "+Inf" if math.isinf(bound) else f"{bound:g}"
        yield Sample(
            f"{metric.name}_bucket", {**labels, "le": le}, round(total * share), Kind.COUNTER
        )
    yield Sample(f"{metric.name}_count", labels, round(total), Kind.COUNTER)
    yield Sample(f"{metric.name}_sum", labels, total * typical, Kind.COUNTER)


def _below(ratio: float) -> float:
    return 0.5 * (1 + math.erf(math.log(ratio) / math.log(3) / math.sqrt(2)))


@cache
def _phases(key: str) -> tuple[float, ...]:
    chance = random.Random(key)
    return tuple(chance.uniform(0, 2 * math.pi) for _ in range(4))


def wave(key: str, at: float, low: float, high: float) -> float:
    """Return a value between two others that wanders in its own way, given by the key."""
    phases = _phases(key)
    periods = (2 * 3600, 2700, 610, 130)
    weights = (0.35, 0.3, 0.2, 0.15)
    course = sum(
        weight * math.sin(2 * math.pi * at / period + phase)
        for weight, period, phase in zip(weights, periods, phases, strict=True)
    )
    return low + (high - low) * (course + 1) / 2


Change = tuple[float, float, float]
"""From and until which hour of the story a counter grows at another rate, and that rate."""


def grown(key: str, at: float, a_second: float, *changes: Change) -> float:
    """Return a counter that grows at about this rate, but for some hours; it never falls."""
    phase = _phases(key)[0]

    def course(time: float) -> float:
        return time + 110 * (2 + math.sin(time / 900 + phase) + math.sin(time / 410 + 2 * phase))

    total = a_second * course(at)
    for start, end, other in changes:
        if at > 3600 * start:
            until = min(at, 3600 * end)
            total += (other - a_second) * (course(until) - course(3600 * start))
    return total


def after(at: float, start: float, end: float = math.inf) -> bool:
    """Whether it is between these hours of the story."""
    return start * 3600 <= at < end * 3600
