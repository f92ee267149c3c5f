"""What became of one peer's probes: totals since the first, and a window of the last minute."""

import math
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from itertools import pairwise

from catalog.uplink_probes import (
    ANSWERED,
    PROBE_JITTER,
    PROBE_LOSS,
    PROBE_RESULTS,
    PROBE_ROUND_TRIP,
    PROBE_ROUND_TRIP_SUM,
    PROBE_SUCCESS,
    PROBES,
    STATISTICS,
)
from exporters.sample import Sample

WINDOW = 60.0
LEAST = 10
"""Probes that the window holds, however far apart they are."""


class Record:
    """One peer's."""

    def __init__(self, interval: float) -> None:
        """Begin with nothing; `interval` is the seconds from one probe to the next."""
        self._results = Counter[str]()
        self._sum = 0.0
        self._window = deque[float | None](maxlen=max(LEAST, math.ceil(WINDOW / interval)))
        """Round trips in seconds, None for a probe that was not answered."""

    def take(self, result: str, seconds: float) -> None:
        """Take how a probe ended, and after how long."""
        self._results[result] += 1
        answered = result == ANSWERED
        self._sum += seconds if answered else 0.0
        self._window.append(seconds if answered else None)

    def samples(self, labels: tuple[str, ...]) -> Iterator[Sample]:
        """Yield the totals, and of the window what can be said."""
        for result in PROBE_RESULTS:
            yield Sample(PROBES, (*labels, result), self._results[result])
        yield Sample(PROBE_ROUND_TRIP_SUM, labels, self._sum)
        if not self._window:
            return
        trips = [seconds for seconds in self._window if seconds is not None]
        yield Sample(PROBE_SUCCESS, labels, float(self._window[-1] is not None))
        yield Sample(PROBE_LOSS, labels, 1 - len(trips) / len(self._window))
        if trips:
            for statistic, seconds in zip(STATISTICS, statistics(trips), strict=True):
                yield Sample(PROBE_ROUND_TRIP, (*labels, statistic), seconds)
        if len(trips) > 1:
            yield Sample(PROBE_JITTER, labels, jitter(trips))


def statistics(trips: Sequence[float]) -> tuple[float, ...]:
    """Return the last, least, mean, median, 95th percentile (nearest rank) and greatest."""
    ordered = sorted(trips)
    rank = math.ceil(0.95 * len(ordered)) - 1
    middle = len(ordered) // 2
    median = (ordered[middle] + ordered[~middle]) / 2
    return trips[-1], ordered[0], _mean(ordered), median, ordered[rank], ordered[-1]


def jitter(trips: Sequence[float]) -> float:
    """Return the mean absolute difference between one and the next."""
    return _mean([abs(after - before) for before, after in pairwise(trips)])


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers)
