"""Errors a bit, over windows that hold the same number of bits at every speed.

A window in time says little of a link: at 25 Gb/s a healthy link may show no error in the minutes
in which one at 400 Gb/s must. A rate is told only once its window is full: a link that was active,
at one speed, read without a gap, its counter neither reset nor at its ceiling.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from catalog.rdma import RDMA_PORT_RATE, RDMA_PORT_STATE
from catalog.rdma_counters import SYMBOL_ERROR
from catalog.rdma_ethernet import RDMA_CORRECTED_BITS, RDMA_SYMBOL_ERRORS
from catalog.rdma_link import CORRECTED, RDMA_BIT_ERROR_RATIO, SYMBOL, WINDOW_BITS
from exporters.ledger import STALE_AFTER
from exporters.moment import Moment
from exporters.rdma.history import PortKey
from exporters.rdma.inventory import ACTIVE
from exporters.sample import Sample

_STEPS = 16
"""Points kept of a window; it may be longer than it says by one part in so many."""

_SOURCES: Mapping[str, str] = {
    SYMBOL_ERROR.metric.name: SYMBOL,
    RDMA_SYMBOL_ERRORS.name: SYMBOL,
    RDMA_CORRECTED_BITS.name: CORRECTED,
}

TELLING = frozenset((*_SOURCES, RDMA_PORT_RATE.name, RDMA_PORT_STATE.name))
"""The metrics that are looked at."""


@dataclass(slots=True)
class Window:
    """The errors of the last so many bits."""

    bits: float
    _at: "array[float]" = field(default_factory=lambda: array("d"))
    """Bits that had passed, then errors that had been counted: a pair a point, oldest first."""

    def take(self, passed: float, errors: float) -> None:
        """Take a reading; only now and then one is kept."""
        at = self._at
        if len(at) == 0 or passed - at[-2] >= self.bits / _STEPS:
            at.extend((passed, errors))
        while len(at) > 2 and passed - at[2] >= self.bits:  # noqa: PLR2004 - the second point
            del at[:2]

    def ratio(self, passed: float, errors: float) -> float | None:
        """Return the errors a bit, None while the window is not full."""
        if len(self._at) == 0 or passed - self._at[0] < self.bits:
            return None
        return (errors - self._at[1]) / (passed - self._at[0])


class Rates:
    """One counter of one port, over every window."""

    def __init__(self) -> None:
        """Begin with every window empty."""
        self._clear()

    def _clear(self) -> None:
        self._passed = 0.0
        self._last: tuple[float, float, float] | None = None
        """When it was read last, at what bits a second, and what it said."""
        self._windows = {name: Window(bits=bits) for name, bits in WINDOW_BITS.items()}

    def take(self, errors: float, speed: float, now: Moment, gap: float) -> None:
        """Take a reading at a speed in bits a second, 0 where the link is not active."""
        if not self._goes_on(errors, speed, now, gap):
            self._clear()
        if not speed:
            return
        if self._last is not None:
            self._passed += (now.mono - self._last[0]) * speed
        self._last = now.mono, speed, errors
        for window in self._windows.values():
            window.take(self._passed, errors)

    def _goes_on(self, errors: float, speed: float, now: Moment, gap: float) -> bool:
        if self._last is None:
            return True
        then, before, counted = self._last
        return speed == before and errors >= counted and now.mono - then <= gap

    def ratios(self) -> Iterator[tuple[str, float]]:
        """Yield the errors a bit of each window that is full."""
        for name, window in self._windows.items():
            if self._last is not None:
                ratio = window.ratio(self._passed, self._last[2])
                if ratio is not None:
                    yield name, ratio


class ErrorRates:
    """Those of all ports."""

    def __init__(self, interval: float) -> None:
        """Know nothing yet; readings come at this interval."""
        self._gap = STALE_AFTER * interval
        self._speeds: dict[PortKey, tuple[float, Moment]] = {}
        self._rates: dict[tuple[PortKey, str], Rates] = {}
        self._sources: dict[tuple[PortKey, str], str] = {}

    def learn(self, samples: Iterable[Sample], now: Moment) -> None:
        """Take the samples of a whole cycle."""
        told = tuple(samples)
        self._learn_speeds(told, now)
        for sample in told:
            if (errors := _SOURCES.get(sample.metric.name)) is not None:
                self._take(sample, errors, now)

    def _learn_speeds(self, samples: tuple[Sample, ...], now: Moment) -> None:
        active = {s.labels: s.value == ACTIVE for s in samples if s.metric is RDMA_PORT_STATE}
        rates = {s.labels: s.value for s in samples if s.metric is RDMA_PORT_RATE}
        for port, is_active in active.items():
            self._speeds[port] = (8 * rates.get(port, 0.0) if is_active else 0.0), now

    def _take(self, sample: Sample, errors: str, now: Moment) -> None:
        """Take a counter; where the driver counts symbol errors itself, the PMA's is not asked."""
        key = sample.labels, errors
        source = sample.metric.name
        if self._sources.get(key, source) != source:
            if sample.metric is SYMBOL_ERROR.metric:
                return
            self._rates.pop(key, None)
        self._sources[key] = source
        speed, since = self._speeds.get(sample.labels, (0.0, now))
        known = now.mono - since.mono <= self._gap and not _is_stuck(sample)
        rates = self._rates.setdefault(key, Rates())
        rates.take(sample.value, speed if known else 0.0, now, self._gap)

    def samples(self, now: Moment) -> Iterator[Sample]:
        """Yield the rates of full windows; none of a port that is no longer read."""
        for (port, errors), rates in self._rates.items():
            _, since = self._speeds.get(port, (0.0, now))
            if now.mono - since.mono <= self._gap:
                for window, ratio in rates.ratios():
                    yield Sample(RDMA_BIT_ERROR_RATIO, (*port, errors, window), ratio)


def _is_stuck(sample: Sample) -> bool:
    return sample.metric is SYMBOL_ERROR.metric and sample.value == SYMBOL_ERROR.ceiling
