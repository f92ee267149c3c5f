"""What counts as evidence of health: samples that are there and say so, all through a soak.

Silence is none. Each kind of evidence holds only where enough samples of the soak are present and
the last is fresh, so that neither a gap, nor a restarted Prometheus, nor the last words of a dead
exporter can prove anything. `unless` and `absent` occur nowhere.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from alerts.promql import EXACT, FRESH_INTERVALS, Series, Window, by, fresh, seconds
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


Bound = float | str
"""A number, or a threshold's name behind a dollar sign; `$share * 60` is in proportion to it."""


def _number(bound: Bound) -> str:
    return bound if isinstance(bound, str) else f"{bound:{EXACT}}"


def _seen(series: Series, window: Window, keys: tuple[str, ...]) -> list[str]:
    """Return coverage and freshness; with keys, of each series that a device has of this kind."""
    if not keys:
        return watched(series, window)
    joined = by(*keys)
    oldest = seconds(FRESH_INTERVALS * window.interval)
    return [
        f"min by ({joined}) (count_over_time({series}[{window.range}])) >= {window.samples}",
        f"max by ({joined}) (time() - timestamp({series})) <= {oldest}",
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Every sample lay within these bounds.

    With `keys`, it is every sample of every such series that a device has: without, one good series
    among several would do.
    """

    series: Series
    at_least: Bound | None = None
    at_most: Bound | None = None
    keys: tuple[str, ...] = ()
    recorded: bool = False
    """Whether a recording rule makes the series, at the interval of evaluation."""

    def promql(self, window: Window) -> str:
        """Return the series whose lowest and highest sample lie within the bounds."""
        series, window = self.series.scoped, window.of(recorded=self.recorded)
        conditions = []
        if self.at_least is not None:
            lowest = self._over("min", f"min_over_time({series}[{window.range}])")
            conditions.append(f"{lowest} >= {_number(self.at_least)}")
        if self.at_most is not None:
            highest = self._over("max", f"max_over_time({series}[{window.range}])")
            conditions.append(f"{highest} <= {_number(self.at_most)}")
        return _all(conditions + _seen(series, window, self.keys))

    def _over(self, aggregate: str, of: str) -> str:
        return f"{aggregate} by ({by(*self.keys)}) ({of})" if self.keys else of


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
class Risen:
    """None of a device's counters rose by more than this in the whole window.

    One that was reset meanwhile seems to have risen: that proves too little, never too much.
    """

    series: Series
    at_most: Bound
    keys: tuple[str, ...]

    def promql(self, window: Window) -> str:
        """Return the devices whose counters stood still, or nearly."""
        series = self.series.scoped
        rose = f"max_over_time({series}[{window.range}]) - min_over_time({series}[{window.range}])"
        highest = f"max by ({by(*self.keys)}) ({rose}) <= {_number(self.at_most)}"
        return _all([highest, *_seen(series, window, self.keys)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Full:
    """A value was never below another one of the same device: as many lanes as there can be.

    `reached` asks only that it was reached once, for what falls while the device idles.
    """

    series: Series
    limit: Series
    keys: tuple[str, ...]
    limit_keys: tuple[str, ...] = ()
    """What the limit belongs to, where it is wider than the device."""
    reached: bool = False

    def promql(self, window: Window) -> str:
        """Return the devices that had all they can have."""
        series, limit = self.series.scoped, self.limit.scoped
        aggregate = "max" if self.reached else "min"
        value = f"{aggregate}_over_time({series}[{window.range}])"
        shared = by(*(self.limit_keys or self.keys))
        most = f"max by ({shared}) (max_over_time({limit}[{window.range}]))"
        whole = f"{aggregate} by ({by(*self.keys)}) ({value}) >= on ({shared}) group_left () {most}"
        other = [] if self.limit_keys else _seen(limit, window, self.keys)
        return _all([whole, *_seen(series, window, self.keys), *other])


@dataclass(frozen=True, slots=True, kw_only=True)
class Calm:
    """A recorded value never exceeded so many times that of its best tenth of the last day."""

    series: Series
    times: Bound

    def promql(self, window: Window) -> str:
        """Return the series that stayed near what is usual for them."""
        series, window = self.series.scoped, window.of(recorded=True)
        usual = f"quantile_over_time(0.1, {series}[1d])"
        highest = f"max_over_time({series}[{window.range}])"
        return _all([f"{highest} <= {_number(self.times)} * {usual}", *watched(series, window)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """As many of a node's devices held 1 as another of its series says there should be."""

    series: Series
    at_least: Series

    def promql(self, window: Window) -> str:
        """Return the nodes that had enough of them."""
        every = held(self.series, 1).promql(window)
        wanted = self.at_least.scoped
        most = f"max by ({by(NODE)}) ({wanted} and {fresh(wanted, window.interval)})"
        return f"count by ({by(NODE)}) (\n{every}\n) >= on ({by(NODE)}) {most}"


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
