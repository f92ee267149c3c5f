"""rdma/history: what became of each link since the exporter started.

Worked out by the program from what the workers read, so that a worker's end forgets nothing;
forgotten when the program ends. Between two readings a link may go down and come back: that shows
in the counts of the port and of its network interface only.
"""

from collections import deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from catalog.rdma import RDMA_PORT_CARRIER_DOWN, RDMA_PORT_LINK_DOWNED, RDMA_PORT_STATE
from catalog.rdma_link import (
    RDMA_LINK_DOWNS,
    RDMA_LINK_DROPPED,
    RDMA_LINK_DROPS,
    RDMA_LINK_FLAPPING,
    RDMA_LINK_FLAPS,
    RDMA_LINK_LAST_DOWN,
    RDMA_LINK_LAST_UP,
)
from exporters.facility import Facility
from exporters.moment import Moment
from exporters.rdma.inventory import ACTIVE
from exporters.sample import Sample

FLAP_AFTER = 25.0
"""Seconds down before coming back is a flap: what is shorter is retraining (gpud's definition)."""
FLAPS = 3
FLAP_WINDOW = 12 * 3600.0
"""So many flaps within this time make a port flapping (gpud)."""
DROP_AFTER = 240.0
"""Seconds down, with link_downed unmoved, after which a port is dropped (gpud)."""
DROP_STICKS = 600.0
"""Seconds for which a port that is back is still called dropped (gpud)."""

PortKey = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one cycle told of a port; None for what it did not."""

    active: bool | None = None
    link_downed: float | None = None
    carrier_downs: float | None = None


@dataclass(slots=True)
class _Count:
    """A count of somebody else's, and how far it rose since it was first heard of."""

    last: float | None = None
    rose: float = 0.0

    def take(self, value: float | None) -> None:
        """Take its value; one that fell was begun anew, and what it lost is not known."""
        if value is None:
            return
        if self.last is not None and value > self.last:
            self.rose += value - self.last
        self.last = value


@dataclass(slots=True)
class _Outage:
    """A time in which the port is not active."""

    since: float
    still_since: float
    """Since when link_downed has not moved."""
    link_downed: float | None
    was_active: bool
    """Whether the port was ever seen active before: one that never was is not dropped."""
    dropped: bool = False


@dataclass(slots=True)
class PortHistory:
    """One port's."""

    flaps: int = 0
    drops: int = 0
    last_down: float | None = None
    last_up: float | None = None
    _active: bool | None = None
    _seen_down: int = 0
    _link_downed: _Count = field(default_factory=_Count)
    _carrier: _Count = field(default_factory=_Count)
    _outage: _Outage | None = None
    _came_back: deque[float] = field(default_factory=lambda: deque(maxlen=FLAPS))
    _dropped_until: float = float("-inf")

    def take(self, reading: Reading, now: Moment) -> None:
        """Take what a cycle told."""
        before = self.downs
        self._link_downed.take(reading.link_downed)
        self._carrier.take(reading.carrier_downs)
        if reading.active is not None:
            self._become(active=reading.active, now=now)
        if self.downs > before:
            self.last_down = now.wall

    @property
    def downs(self) -> float:
        """How often the link is known to have gone down: what the best informed witness says."""
        return max(self._seen_down, self._link_downed.rose, self._carrier.rose)

    def _become(self, *, active: bool, now: Moment) -> None:
        before, self._active = self._active, active
        if active:
            if before is False:
                self._come_back(now)
            return
        if before:
            self._seen_down += 1
        if self._outage is None:
            self._outage = _Outage(
                since=now.mono,
                still_since=now.mono,
                link_downed=self._link_downed.last,
                was_active=before is True,
            )
        self._may_drop(self._outage, now)

    def _come_back(self, now: Moment) -> None:
        self.last_up = now.wall
        outage, self._outage = self._outage, None
        if outage is None:
            return
        if now.mono - outage.since >= FLAP_AFTER:
            self.flaps += 1
            self._came_back.append(now.mono)
        if outage.dropped:
            self._dropped_until = now.mono + DROP_STICKS

    def _may_drop(self, outage: _Outage, now: Moment) -> None:
        if outage.link_downed != self._link_downed.last:
            outage.link_downed, outage.still_since = self._link_downed.last, now.mono
        long = now.mono - outage.still_since >= DROP_AFTER
        if long and outage.was_active and not outage.dropped:
            outage.dropped = True
            self.drops += 1

    def is_flapping(self, now: Moment) -> bool:
        """Whether it came back often enough within the window."""
        return len(self._came_back) == FLAPS and now.mono - self._came_back[0] <= FLAP_WINDOW

    def is_dropped(self, now: Moment) -> bool:
        """Whether it is down for good, or was not long ago."""
        down = self._outage is not None and self._outage.dropped
        return down or now.mono < self._dropped_until


class History:
    """That of all ports."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._ports: dict[PortKey, PortHistory] = {}

    def learn(self, samples: Iterable[Sample], now: Moment) -> None:
        """Take the samples of a whole cycle."""
        for port, reading in _readings(samples).items():
            self._ports.setdefault(port, PortHistory()).take(reading, now)

    @property
    def ports(self) -> Collection[PortKey]:
        """Those that were read."""
        return self._ports.keys()

    def samples(self, now: Moment) -> Iterator[Sample]:
        """Yield each port's history."""
        for port, known in sorted(self._ports.items()):
            yield Sample(RDMA_LINK_DOWNS, port, known.downs)
            yield Sample(RDMA_LINK_FLAPS, port, known.flaps)
            yield Sample(RDMA_LINK_DROPS, port, known.drops)
            yield Sample(RDMA_LINK_FLAPPING, port, known.is_flapping(now))
            yield Sample(RDMA_LINK_DROPPED, port, known.is_dropped(now))
            if known.last_down is not None:
                yield Sample(RDMA_LINK_LAST_DOWN, port, known.last_down)
            if known.last_up is not None:
                yield Sample(RDMA_LINK_LAST_UP, port, known.last_up)


def _readings(samples: Iterable[Sample]) -> dict[PortKey, Reading]:
    """Return what the samples tell of each port whose state they tell.

    Without its state nothing is known of a port: a device of which only counters are read is one
    that is going away.
    """
    found: dict[PortKey, dict[str, float]] = {}
    for sample in samples:
        if sample.metric.name in TELLING:
            found.setdefault(sample.labels, {})[sample.metric.name] = sample.value
    return {
        port: Reading(
            active=said[RDMA_PORT_STATE.name] == ACTIVE,
            link_downed=said.get(RDMA_PORT_LINK_DOWNED.name),
            carrier_downs=said.get(RDMA_PORT_CARRIER_DOWN.name),
        )
        for port, said in found.items()
        if RDMA_PORT_STATE.name in said
    }


TELLING = frozenset(
    metric.name for metric in (RDMA_PORT_STATE, RDMA_PORT_LINK_DOWNED, RDMA_PORT_CARRIER_DOWN)
)
"""The metrics that are looked at."""

FACILITY: Facility[object] = Facility(
    family="rdma", name="history", reads="flaps, drops and error rates of each RDMA port's link"
)
"""Worked out by the program."""
