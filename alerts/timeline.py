"""Series over time in promtool's notation, from the phases that a scenario goes through."""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto

from alerts.model import Alert, At, Moment, Rising, Scenario, Signal, Value
from alerts.promql import UP, Series
from alerts.tuning import figure
from catalog import labels
from catalog.exporter import COLLECTOR, COLLECTOR_AGE, COLLECTOR_STATE, EXPORTER_INTERVAL
from catalog.metrics import Metric
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
    DEAD = auto()
    """The exporter died while Prometheus was away: `up` is 0, the rest just has no samples."""


_WATCHING = frozenset({Phase.AWAY, Phase.FAILING, Phase.REPLACED, Phase.DEAD})


@dataclass(frozen=True, slots=True)
class Step:
    """A phase that lasts for some scrapes; a second device is healthy unless `other` says so."""

    phase: Phase
    count: int
    other: Phase = Phase.HEALTHY

    def of(self, which: int) -> Phase:
        """Return the phase that the first or second device is in."""
        return self.phase if which == 0 or self.phase in _WATCHING else self.other


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
        """Return promtool's `input_series`: both devices, and their nodes' exporters."""
        found: dict[str, str] = {}
        for which, device in enumerate(self.alert.device.samples):
            for signal in self.scenario.signals:
                found.setdefault(_name(signal.series, device), self._values(signal, which))
            for signal in self._exporter():
                found.setdefault(_name(signal.series, device), self._values(signal, 0))
        return [{"series": name, "values": values} for name, values in found.items()]

    def _exporter(self) -> list[Signal]:
        """Return what a healthy exporter says of itself."""
        facilities = self.alert.proof.facilities if self.alert.proof else ()
        signals = [Signal(series=UP, healthy=1), Signal(series=_of(EXPORTER_INTERVAL), healthy=5)]
        for facility in facilities:
            where = dict(zip(COLLECTOR, facility.split("/"), strict=True))
            signals.append(Signal(series=_of(COLLECTOR_STATE, state="ok", **where), healthy=1))
            signals.append(Signal(series=_of(COLLECTOR_AGE, **where), healthy=1))
        return signals

    def _values(self, signal: Signal, which: int) -> str:
        written: list[str] = []
        last = 0.0
        for number, step in enumerate(self.steps):
            phase = step.of(which)
            if phase in _WATCHING:
                written += _unwatched(signal.series, phase, step.count)
                continue
            text, last = self._phase(_value(signal, phase), number, last)
            written += text
        return " ".join(written)

    def _phase(self, value: Value, number: int, last: float) -> tuple[list[str], float]:
        """Return a step's samples in promtool's notation, and the last of them."""
        count = self.steps[number].count
        if value is Moment.GONE:
            return _missing(count, stale=True), last
        rising = isinstance(value, Rising)
        first = self._number(value.start if isinstance(value, Rising) else value, number, last)
        end = first + (count - 1 if rising else 0)
        return [f"{first:.16g}+{int(rising)}x{count - 1}"], end

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


def _of(metric: Metric, **wanted: str) -> Series:
    return Series(metric.name, tuple(f'{k}="{v}"' for k, v in wanted.items()))


def _value(signal: Signal, phase: Phase) -> Value:
    value = {
        Phase.BELOW: signal.below,
        Phase.FAULTY: signal.faulty,
        Phase.RECOVERED: signal.recovered,
    }.get(phase)
    return signal.healthy if value is None else value


def _unwatched(series: Series, phase: Phase, count: int) -> list[str]:
    if series == UP and phase in {Phase.FAILING, Phase.DEAD}:
        return [f"0x{count - 1}"]
    return _missing(count, stale=phase in {Phase.FAILING, Phase.REPLACED})


def _missing(count: int, *, stale: bool) -> list[str]:
    rest = count - int(stale)
    return ["stale"] * stale + ([f"_x{rest}"] if rest else [])


def _name(series: Series, device: dict[str, str]) -> str:
    """Return a series with all the labels it has for this device."""
    metric = by_name().get(series.metric)
    node = device[labels.NODE]
    own = [f'{k}="{v}"' for k, v in device.items() if metric and k in metric.labels]
    target = [f'{labels.NODE}="{node}"', f'{labels.INSTANCE}="{node}"']
    if series != UP:
        target.append(UP.matchers[0])
    return f"{series.metric}{{{','.join([*series.matchers, *own, *target])}}}"
