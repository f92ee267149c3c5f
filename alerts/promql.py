"""The few pieces of PromQL that every alert and proof is put together from.

Two rules keep expressions safe. A matcher names a label that the metric has, which is checked when
the file is imported. And the right side of a join is aggregated first, because one duplicate
series there fails the whole rule, for every node at once.
"""

import inspect
import math
import re
from dataclasses import dataclass
from datetime import timedelta

from catalog.labels import CLUSTER, EXPORTER_JOB
from catalog.metrics import Metric
from program.durations import format_duration

SELECTOR = "$selector"
"""Stands inside the braces of every selector of a proof; the bridge puts node matchers there."""

FRESH_INTERVALS = 3
"""A sample older than this many scrapes says nothing about now."""

COVERAGE = 0.9
"""Share of a soak's samples that must be there: one lost scrape in ten is no gap."""

EXACT = ".12g"
"""How a figure is written: whatever a person writes stays, what is but binary rounding goes."""

SOME = (".+",)
"""A matcher's value: any but the empty one."""

_WORD = re.compile(r"\w+")
"""A value that means the same as a regular expression."""


@dataclass(frozen=True, slots=True)
class Series:
    """A selector: the series of one metric that fit every matcher."""

    metric: str
    matchers: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.metric}{{{','.join(self.matchers)}}}" if self.matchers else self.metric

    @property
    def scoped(self) -> "Series":
        """The same series of only those nodes that the bridge asks about."""
        return Series(self.metric, (*self.matchers, SELECTOR))


def select(metric: Metric, **wanted: str | tuple[str, ...]) -> Series:
    """Return the series of a metric with these label values; a tuple means any of them.

    ValueError for a label, or a state, that the metric does not have.
    """
    for label, value in wanted.items():
        if label not in metric.labels:
            raise ValueError(f"{metric.name} has no label {label}: it has {metric.labels}")
        if label == "state" and not set(_several(value)) <= set(metric.states):
            raise ValueError(f"{metric.name} is never in state {value}: {metric.states}")
    return Series(metric.name, tuple(_matcher(name, value) for name, value in wanted.items()))


def _several(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value


def _matcher(label: str, value: str | tuple[str, ...]) -> str:
    values = _several(value)
    exact = isinstance(value, str) or (len(values) == 1 and _WORD.fullmatch(values[0]))
    return f'{label}{"=" if exact else "=~"}"{"|".join(values)}"'


def up(job: str) -> Series:
    """Return what is 1 where the last scrape of a target of this job succeeded."""
    return Series("up", (f'job="{job}"',))


UP = up(EXPORTER_JOB)
"""1 where the last scrape of a node's exporter succeeded."""


def by(*names: str) -> str:
    """Return label names as they stand in `by (…)` and `on (…)`; the cluster is always the first.

    A Prometheus that holds several clusters has nodes of one name more than once. Where one holds
    a single cluster the label is not on its series, and naming it changes nothing.
    """
    return ", ".join(dict.fromkeys((CLUSTER, *names)))


def latest(series: Series, *names: str) -> str:
    """Return one value for each combination of these labels, whatever else tells series apart."""
    return f"max by ({by(*names)}) ({series})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How far back a proof looks, and how many samples a series brings in that time."""

    length: timedelta
    interval: timedelta
    evaluation: timedelta | None = None
    """The interval of what is recorded, where it is another than that of scrapes."""

    def of(self, *, recorded: bool) -> "Window":
        """Return the window as it is for series of a scrape, or of a recording rule."""
        interval = self.evaluation if recorded and self.evaluation else self.interval
        return Window(length=self.length, interval=interval)

    @property
    def range(self) -> str:
        """The window as a PromQL duration."""
        return duration(self.length)

    @property
    def samples(self) -> int:
        """The fewest samples that count as having watched all along."""
        return math.ceil(COVERAGE * (self.length / self.interval))


def fresh(series: Series, interval: timedelta) -> str:
    """Return the condition that a series' last sample speaks of now; Prometheus looks back 5 m."""
    return f"time() - timestamp({series}) <= {seconds(FRESH_INTERVALS * interval)}"


def duration(length: timedelta) -> str:
    """Return a duration as PromQL and rule files write it."""
    return format_duration(length.total_seconds())


def seconds(length: timedelta) -> str:
    """Return a duration as a bare PromQL number."""
    return f"{length.total_seconds():{EXACT}}"


def written(expr: str) -> str:
    """Return an expression as it is written to a file: with its own indentation only."""
    text = inspect.cleandoc(expr)
    return f"{text}\n" if "\n" in text else text
