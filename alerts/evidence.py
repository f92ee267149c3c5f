"""What counts as evidence of health: samples that are there and say so, all through a soak.

Silence is none. Each kind of evidence holds only where enough samples of the soak are present and
the last is fresh, so that neither a gap, nor a restarted Prometheus, nor the last words of a dead
exporter can prove anything. `unless` and `absent` occur nowhere.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from alerts.promql import Series, Window, by, fresh, seconds
from catalog.exporter import NODE_BOOT_TIME
from catalog.faults import Recovery
from catalog.gpu import GPU_RESET_TIMESTAMP
from catalog.labels import NODE, UUID
from catalog.metrics import Metric

AND = "\n  and\n"


class Evidence(Protocol):
    """One thing that must have been true all through the window."""

    def promql(self, window: Window) -> str:
        """Return an expression with a series for each device of which it was true."""
        ...


def watched(series: Series, window: Window) -> list[str]:
    """Return the two conditions without which a series proves nothing: coverage and freshness."""
    return [
        f"count_over_time({series}[{window.range}]) >= {window.samples}",
        fresh(series, window.interval),
    ]


def _all(conditions: list[str]) -> str:
    return AND.join(conditions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Every sample lay within these bounds."""

    series: Series
    at_least: float | None = None
    at_most: float | None = None

    def promql(self, window: Window) -> str:
        """Return the series whose lowest and highest sample lie within the bounds."""
        series = self.series.scoped
        conditions = []
        if self.at_least is not None:
            conditions.append(f"min_over_time({series}[{window.range}]) >= {self.at_least:g}")
        if self.at_most is not None:
            conditions.append(f"max_over_time({series}[{window.range}]) <= {self.at_most:g}")
        return _all(conditions + watched(series, window))


def held(series: Series, value: float) -> Held:
    """Return the evidence that every sample had this value."""
    return Held(series=series, at_least=value, at_most=value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Still:
    """A counter did not move, and could have: one that has reached `ceiling` stands for ever."""

    series: Series
    ceiling: int

    def promql(self, window: Window) -> str:
        """Return the counters that had one value, below the ceiling."""
        series = self.series.scoped
        highest = f"max_over_time({series}[{window.range}])"
        conditions = [
            f"{highest} - min_over_time({series}[{window.range}]) == 0",
            f"{highest} < {self.ceiling}",
        ]
        return _all(conditions + watched(series, window))


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A moment from which a device counts as new: the node's boot, or the GPU's own reset."""

    metric: Metric
    keys: tuple[str, ...]

    def time(self, interval: timedelta) -> str:
        """Return the moment itself, one value for each device, from fresh samples only."""
        series = Series(self.metric.name).scoped
        return f"max by ({by(*self.keys)}) ({series} and {fresh(series, interval)})"


BOOT = Origin(metric=NODE_BOOT_TIME, keys=(NODE,))
RESET = Origin(metric=GPU_RESET_TIMESTAMP, keys=(NODE, UUID))

ORIGINS = {Recovery.REBOOT: BOOT, Recovery.RESET: RESET}
"""Where a fault demands a reboot or reset, the soak is counted from there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSince:
    """None of these events of a GPU is later than the origin.

    `series` are the events' last timestamps, and all `count` of them must be there: the exporter
    exposes them from its first reading, with 0 for what it has not seen.
    """

    series: Series
    count: int
    origin: Origin

    def promql(self, window: Window) -> str:
        """Return the GPUs of which every event is known, and older than the origin."""
        gpu = by(NODE, UUID)
        series = self.series.scoped
        highest = f"max by ({gpu}) (max_over_time({series}[{window.range}]))"
        coverage, freshness = watched(series, window)
        origin = self.origin.time(window.interval)
        return _all(
            [
                f"{highest} <= on ({by(*self.origin.keys)}) group_left () {origin}",
                f"count by ({gpu}) ({coverage}) == {self.count}",
                f"count by ({gpu}) ({freshness}) == {self.count}",
            ]
        )


def rested(origin: Origin, window: Window) -> str:
    """Return the devices whose boot or reset is at least the whole window ago."""
    return f"time() - {origin.time(window.interval)} >= {seconds(window.length)}"
