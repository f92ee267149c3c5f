"""Drivers' 32-bit counters, counted on where they are proven to have begun again at zero.

A counter that falls was reset, or has wrapped, or hides a driver that was loaded anew: mostly
nobody knows, and then the kernel's number is told as it is. Prometheus takes a fall for a reset and
loses little; a wrap that is made up adds 4,294,967,296 events that never were.

It is proven where the device was neither rebooted nor bound anew, the counter was in its upper half
and goes on no faster than twice what it did just before. How often each has wrapped is kept in
`--path.state`: without that nothing is counted on, as the total would fall back by all its wraps
when the program is restarted, and count as so many new events.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from catalog.rdma_counters import KNOWN
from exporters.errors import ReadingError
from exporters.facility import Cycle, Outcome
from exporters.keeping import Keeping
from exporters.moment import Moment
from exporters.node.boot import read_boot
from exporters.rdma.devices import BIND
from exporters.sample import Sample

SECTION = "rdma_wraps"
_RANGE = 1 << 32
_FASTER = 2.0
_LONGEST = 60.0
"""Seconds between two readings that still tell how fast a counter goes."""
KEPT_EVERY = 300.0
"""Seconds after which it is kept anew what counters say that have wrapped: the next program must
see whether one has fallen meanwhile, as how often that was a wrap nobody can tell."""

_NARROW = frozenset(known.metric.name for known in KNOWN if known.bits == 32 and not known.sticks)  # noqa: PLR2004 - bits


@dataclass(slots=True)
class Narrow:
    """One counter of 32 bits."""

    bind: str
    wraps: int
    last: float
    at: float
    speed: float | None = None
    """Events a second between the two readings before; None where there were none such."""

    def take(self, value: float, bind: str, now: float) -> bool:
        """Take a reading; return whether the number of wraps is another now."""
        before = self.wraps
        wait = now - self.at
        if bind != self.bind:
            self.wraps, self.speed = 0, None
        elif value >= self.last:
            self.speed = (value - self.last) / wait if 0 < wait <= _LONGEST else None
        elif self._has_wrapped(value, wait):
            self.wraps += 1
        else:
            self.wraps, self.speed = 0, None
        self.bind, self.last, self.at = bind, value, now
        return self.wraps != before

    def _has_wrapped(self, value: float, wait: float) -> bool:
        if self.speed is None or not 0 < wait <= _LONGEST or self.last < _RANGE / 2:
            return False
        return (value + _RANGE - self.last) / wait <= _FASTER * self.speed


class Unwrap:
    """The counters of all ports."""

    def __init__(self, keeping: Keeping, procfs: str) -> None:
        """Take up what was kept in this boot; where that cannot be told nothing is proven."""
        self._keeping = keeping
        self._boot = boot = _boot(procfs)
        self._counters: dict[str, Narrow] = {}
        self._keep_due = 0.0
        self._kept = _kept(keeping.section(SECTION), boot)

    def take(self, cycle: Cycle, now: Moment) -> Cycle:
        """Return a cycle whose counters are counted on where that is proven."""
        if not (self._keeping.keeps and self._boot):
            return cycle
        outcomes = tuple(self._outcome(outcome, now) for outcome in cycle.outcomes)
        if now.mono >= self._keep_due:
            self._keep_due = now.mono + KEPT_EVERY
            if any(one.wraps for one in self._counters.values()):
                self._keep()
        return replace(cycle, outcomes=outcomes)

    def _outcome(self, outcome: Outcome, now: Moment) -> Outcome:
        bind = next((str(note.value) for note in outcome.notes if note.name == BIND), "")
        if not bind or not any(s.metric.name in _NARROW for s in outcome.samples):
            return outcome
        samples = tuple(self._sample(sample, bind, now) for sample in outcome.samples)
        return replace(outcome, samples=samples)

    def _sample(self, sample: Sample, bind: str, now: Moment) -> Sample:
        if sample.metric.name not in _NARROW or sample.value >= _RANGE:
            return sample
        key = "/".join((*sample.labels, sample.metric.name))
        counter = self._counters.get(key) or self._begin(key, sample.value, bind, now)
        if counter.take(sample.value, bind, now.mono):
            self._keep()
        return replace(sample, value=sample.value + counter.wraps * _RANGE)

    def _begin(self, key: str, value: float, bind: str, now: Moment) -> Narrow:
        """Begin to follow a counter, with its wraps where it is the same and has not fallen."""
        kept_bind, kept_wraps, kept_last = self._kept.pop(key, (bind, 0, 0.0))
        wraps = kept_wraps if kept_bind == bind and value >= kept_last else 0
        self._counters[key] = made = Narrow(bind=bind, wraps=wraps, last=value, at=now.mono)
        return made

    def _keep(self) -> None:
        wraps = {
            key: [one.bind, one.wraps, one.last] for key, one in self._counters.items() if one.wraps
        }
        self._keeping.keep(SECTION, {"boot": self._boot, "wraps": {**self._kept, **wraps}})


def _boot(procfs: str) -> str:
    try:
        return read_boot(procfs).id
    except ReadingError:
        return ""


def _kept(section: Any, boot: str) -> dict[str, tuple[str, int, float]]:
    """Return what was kept in this boot; what is damaged was not."""
    if not isinstance(section, Mapping) or section.get("boot") != boot:
        return {}
    try:
        return {
            str(key): (str(bind), max(int(wraps), 0), float(last))
            for key, (bind, wraps, last) in section["wraps"].items()
        }
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
        return {}
