"""Series over time in promtool's notation, from the phases that a scenario goes through."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto

from alerts.devices import Place
from alerts.model import Alert, At, Moment, Rising, Scenario, Signal, Value
from alerts.promql import UP, Series, up
from alerts.tuning import figure
from catalog import fleet
from catalog.exporter import COLLECTOR, COLLECTOR_AGE, COLLECTOR_STATE, EXPORTER_INTERVAL
from catalog.labels import EXPORTER_JOB, INSTANCE, NODE
from catalog.metrics import Metric
from catalog.neighbours_index import by_series
from catalog.registry import by_name


class Phase(Enum):
    """What goes on: with the device, or with the way in which it is watched."""

    HEALTHY = auto()
    BELOW = auto()
    FAULTY = auto()
    RECOVERED = auto()

    AWAY = auto()
    """Prometheus is not there: no samples of anything, no staleness markers."""
    FAILING = auto()
    """Scrapes fail: `up` is 0, every other series is marked stale."""
    REPLACED = auto()
    """The scrape target is gone: every series is marked stale, `up` too."""
    SWAPPED = auto()
    """The device was replaced: its own series end, another one's begin in its place."""
    DEAD = auto()
    """The exporter died while Prometheus was away: `up` is 0, the rest just has no samples."""


_WATCHING = frozenset({Phase.AWAY, Phase.FAILING, Phase.REPLACED, Phase.DEAD})


_KNOWN: Mapping[str, Metric] = {
    **{metric.name: metric for metric in fleet.RECORDED},
    **by_series(),
    **by_name(),
}

PEER = 2
"""Which device is neither of the two samples: always well."""
REPLACEMENT = 3


@dataclass(frozen=True, slots=True)
class Step:
    """A phase that lasts for some scrapes; a second device is healthy unless `other` says so."""

    phase: Phase
    count: int
    other: Phase = Phase.HEALTHY

    def of(self, which: int) -> Phase:
        """Return the phase that a device is in."""
        if which == 0 or self.phase in _WATCHING:
            return self.phase
        if which == REPLACEMENT:
            return Phase.RECOVERED if self.phase is Phase.SWAPPED else Phase.AWAY
        return self.other if which == 1 else Phase.HEALTHY


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """One scenario of an alert, taken through some steps."""

    alert: Alert
    scenario: Scenario
    steps: tuple[Step, ...]
    interval: timedelta

    def start(self, step: int) -> float:
        """Return the Unix time at which a step begins; the first begins at 0."""
        return sum(s.count for s in self.steps[:step]) * self.interval.total_seconds()

    def input_series(self) -> list[dict[str, str]]:
        """Return promtool's `input_series`: the devices, and their nodes' exporters."""
        found: dict[str, str] = {}
        for which, place in self._places():
            for signal in self.scenario.signals:
                values = self._values(signal, which, ends=self._ends(signal.series, which, place))
                found.setdefault(self._name(signal.series, place), values)
            for signal in self._exporter():
                found.setdefault(self._name(signal.series, place), self._values(signal, PEER))
        return [{"series": name, "values": values} for name, values in found.items()]

    def _places(self) -> list[tuple[int, Place]]:
        """Return the labels of each device's series; those of the first sample come first."""
        device = self.alert.device
        placed = [(which, place) for which in (0, 1) for place in device.places(which)]
        placed += [(PEER, place) for place in device.peers]
        if device.replacement and any(step.phase is Phase.SWAPPED for step in self.steps):
            placed.append((REPLACEMENT, device.replacement))
        return placed

    def _ends(self, series: Series, which: int, place: Place) -> bool:
        """Whether a replacement of the device ends the series, as it tells of the old one."""
        other = self.alert.device.replacement
        return bool(which == 0 and other and self._name(series, place) != self._name(series, other))

    def _exporter(self) -> list[Signal]:
        """Return what a healthy exporter says of itself, and its target."""
        proof, job = self.alert.proof, self.alert.device.job
        signals = [Signal(series=up(job), healthy=1)]
        if job != EXPORTER_JOB:
            return signals
        signals.append(Signal(series=_of(EXPORTER_INTERVAL), healthy=5))
        for facility in (*(proof.facilities if proof else ()), *self.alert.reads):
            where = dict(zip(COLLECTOR, facility.split("/"), strict=True))
            signals.append(Signal(series=_of(COLLECTOR_STATE, state="ok", **where), healthy=1))
            signals.append(Signal(series=_of(COLLECTOR_AGE, **where), healthy=1))
        return signals

    def _values(self, signal: Signal, which: int, *, ends: bool = False) -> str:
        """Return a series' samples; a counter goes on counting while nobody looks."""
        written: list[str] = []
        last, before = 0.0, None
        for number, step in enumerate(self.steps):
            phase = step.of(which)
            value = now = _value(signal, phase)
            if value == before and isinstance(value, Rising):
                value = Rising(rate=value.rate)
            text, last = self._phase(value, number, last)
            if ends and phase is Phase.SWAPPED:
                text = _missing(step.count, stale=True)
            elif phase in _WATCHING:
                text = _unwatched(signal.series, phase, step.count)
            written += text
            before = now
        return " ".join(written)

    def _phase(self, value: Value, number: int, last: float) -> tuple[list[str], float]:
        """Return a step's samples in promtool's notation, and the last of them."""
        count = self.steps[number].count
        if value is Moment.GONE:
            return _missing(count, stale=True), last
        if not isinstance(value, Rising):
            first = self._number(value, number, last)
            return [f"{first:.16g}+0x{count - 1}"], first
        each = self._each(value.rate)
        first = last + each if value.start is None else self._number(value.start, number, last)
        return [f"{first:.16g}+{each:.16g}x{count - 1}"], first + each * (count - 1)

    def _each(self, rate: At | float | None) -> float:
        """Return by how much a counter rises from one scrape to the next."""
        if rate is None:
            return 1.0
        number = figure(self.alert, rate) if isinstance(rate, At) else rate
        return number * self.interval.total_seconds()

    def _number(self, value: At | Moment | float | Rising, number: int, last: float) -> float:
        if isinstance(value, At):
            return figure(self.alert, value)
        if value is Moment.FAULT:
            return self.start(number)
        if value is Moment.RECOVERY:
            return self.start(number) - 1
        if value is Moment.STAYS:
            return last
        assert isinstance(value, float | int)
        return float(value)

    def _name(self, series: Series, place: Place) -> str:
        """Return a series with all the labels it has there."""
        metric = _KNOWN.get(series.metric)
        told = {k: v for k, v in place.items() if k != NODE and _has(metric, series, k)}
        own = [f'{k}="{v}"' for k, v in told.items()]
        node = place.get(NODE)
        target = [f'{INSTANCE}="{node or self.alert.device.job}"']
        if node:
            target.insert(0, f'{NODE}="{node}"')
        if series.metric != UP.metric:
            target.append(up(self.alert.device.job).matchers[0])
        return f"{series.metric}{{{','.join([*series.matchers, *own, *target])}}}"


def _has(metric: Metric | None, series: Series, label: str) -> bool:
    """Whether a series has a label of its place, and does not say itself what it is."""
    named = any(matcher.startswith(f"{label}=") for matcher in series.matchers)
    return metric is not None and label in metric.labels and not named


def _of(metric: Metric, **wanted: str) -> Series:
    return Series(metric.name, tuple(f'{k}="{v}"' for k, v in wanted.items()))


def _value(signal: Signal, phase: Phase) -> Value:
    value = {
        Phase.BELOW: signal.below,
        Phase.FAULTY: signal.faulty,
        Phase.RECOVERED: signal.recovered,
        Phase.SWAPPED: signal.recovered,
    }.get(phase)
    return signal.healthy if value is None else value


def _unwatched(series: Series, phase: Phase, count: int) -> list[str]:
    if series.metric == UP.metric and phase in {Phase.FAILING, Phase.DEAD}:
        return [f"0x{count - 1}"]
    return _missing(count, stale=phase in {Phase.FAILING, Phase.REPLACED})


def _missing(count: int, *, stale: bool) -> list[str]:
    rest = count - int(stale)
    return ["stale"] * stale + ([f"_x{rest}"] if rest else [])
