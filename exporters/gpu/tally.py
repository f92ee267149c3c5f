"""How often faults came, and when last."""

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain, repeat
from typing import Generic, TypeVar

from catalog import nvlink5
from catalog import xid as xids
from catalog.gpu import GPU_XID_BURSTS, GPU_XID_ERRORS, GPU_XID_LAST_TIMESTAMP
from exporters.facility import Cycle
from exporters.gpu import xid
from exporters.moment import Moment
from exporters.sample import Sample

K = TypeVar("K")

BURST_SILENCE = 180.0
"""Seconds without an Xid that end a burst, as NVIDIA's Fleet Intelligence groups them."""


class Occurrences(Generic[K]):
    """Count and last time by kind; the time of what never came is 0."""

    def __init__(self, kinds: Iterable[K] = ()) -> None:
        """Begin with these kinds at zero."""
        self._counts = dict.fromkeys(kinds, 0)
        self._last: dict[K, float] = {}

    def add(self, kind: K, when: float) -> None:
        """Count one, at a unix time."""
        self._counts[kind] = self._counts.get(kind, 0) + 1
        self._last[kind] = max(when, self._last.get(kind, when))

    def __iter__(self) -> Iterator[tuple[K, int, float]]:
        for kind, count in self._counts.items():
            yield kind, count, self._last.get(kind, 0.0)


@cache
def actionable() -> tuple[tuple[int, str], ...]:
    """Return the codes that ask something of the node's owner, with each resolution that does."""
    return tuple(
        (code, resolution)
        for code, known in xids.table().items()
        for resolution in sorted({known.resolution, *nvlink5.resolutions(code)})
        if resolution in xids.ACTIONABLE
    )


class Tally:
    """One GPU's Xids since the node's boot, by code and resolution; actionable ones from zero."""

    def __init__(self) -> None:
        """Begin without any."""
        self._xids = Occurrences(actionable())
        self._bursts = 0
        self._latest: float | None = None

    def add(self, code: int, resolution: str, when: float) -> None:
        """Count an Xid, at a unix time."""
        self._xids.add((code, resolution), when)
        if self._latest is None or when - self._latest > BURST_SILENCE:
            self._bursts += 1
        self._latest = when

    def samples(self, labels: tuple[str, str]) -> Iterator[Sample]:
        """Yield count and last time of each code, and how many bursts they came in."""
        for (code, resolution), count, last in sorted(self._xids):
            where = (*labels, str(code), resolution)
            yield Sample(GPU_XID_ERRORS, where, count)
            yield Sample(GPU_XID_LAST_TIMESTAMP, where, last)
        yield Sample(GPU_XID_BURSTS, labels, self._bursts)


class Heard:
    """Xids of NVML's events, as far as a worker was there to hear them."""

    def __init__(self) -> None:
        """Begin with nothing heard, which is not zero."""
        self._tally: Tally | None = None

    def boot(self, new: bool) -> None:  # noqa: FBT001 - a fact, not a switch
        """Forget the counts where this is another boot."""
        if new:
            self._tally = None

    def count(self, cycle: Cycle, now: Moment) -> None:
        """Count a cycle's events; from the first look on, actionable codes stand at zero."""
        if self._tally is None and cycle.notes(xid.WATCHED):
            self._tally = Tally()
        times = chain(map(float, cycle.notes(xid.XID_TIME)), repeat(0.0))
        for code, when in zip(map(int, cycle.notes(xid.XID)), times, strict=False):
            self._tally = self._tally or Tally()
            self._tally.add(code, xids.resolution(code), when or now.wall)

    def samples(self, labels: tuple[str, str]) -> Iterator[Sample]:
        """Yield what was counted."""
        if self._tally is not None:
            yield from self._tally.samples(labels)
