"""What the exporter says of itself."""

from collections.abc import Iterable, Iterator

from catalog import __version__
from catalog.exporter import (
    COLLECTOR_AGE,
    COLLECTOR_DURATION,
    COLLECTOR_STATE,
    COLLECTOR_STATES,
    EXPORTER_BUILD_INFO,
    EXPORTER_DUPLICATES,
    EXPORTER_INTERVAL,
    EXPORTER_WORKER_FAILURES,
    WORKER_FAILURES,
)
from exporters.facility import End
from exporters.ledger import Standing
from exporters.post import Post
from exporters.sample import Sample


def collector_samples(standings: Iterable[Standing]) -> Iterator[Sample]:
    """Yield state, age and duration of each facility."""
    for standing in standings:
        of = (standing.family, standing.facility)
        for state in COLLECTOR_STATES:
            yield Sample(COLLECTOR_STATE, (*of, state), float(standing.state == state))
        if standing.age is not None:
            yield Sample(COLLECTOR_AGE, of, standing.age)
        if standing.seconds is not None:
            yield Sample(COLLECTOR_DURATION, of, standing.seconds)


def program_samples(interval: float, posts: Iterable[Post], duplicates: int) -> Iterator[Sample]:
    """Yield what concerns the program as a whole."""
    yield Sample(EXPORTER_BUILD_INFO, (__version__,), 1)
    yield Sample(EXPORTER_INTERVAL, (), interval)
    yield Sample(EXPORTER_DUPLICATES, (), duplicates)
    totals: dict[str, dict[End, int]] = {}
    for post in posts:
        counts = totals.setdefault(post.family, {})
        for end, count in post.ends.items():
            counts[end] = counts.get(end, 0) + count
    for family, counts in totals.items():
        for cause in WORKER_FAILURES:
            yield Sample(EXPORTER_WORKER_FAILURES, (family, cause), counts[End(cause)])
