"""The exporter as a whole: families, their posts, one snapshot an interval."""

import logging
import threading
from collections.abc import Container, Iterable, Iterator, Sequence

from prometheus_client import REGISTRY

from exporters.allocation.cards import readings
from exporters.allocation.family import AllocationFamily
from exporters.compat.registry import emitters
from exporters.declaration import declaration
from exporters.exposition import Writer
from exporters.fabric.family import FabricFamily
from exporters.facility import State
from exporters.family import Family, Lookout, SoloFamily
from exporters.gpu.family import GpuFamily
from exporters.keeping import Keeping
from exporters.ledger import Standing
from exporters.machine import Machine
from exporters.metrics import METRICS
from exporters.moment import Moment
from exporters.node.family import NodeFamily
from exporters.own import collector_samples, program_samples
from exporters.post import Pace
from exporters.rdma.ethtool_family import EthtoolFamily
from exporters.rdma.family import RdmaFamily
from exporters.rdma.learned import Learned
from exporters.rdma.unwrap import Unwrap
from exporters.registry import (
    FABRIC,
    GPU,
    NODE,
    RDMA,
    RDMA_ETHTOOL,
    RDMA_NETLINK,
    TOPOLOGY,
    UPLINK,
    worker_modules,
)
from exporters.sample import Sample
from exporters.settings import Settings
from exporters.snapshot import Board, Snapshot
from exporters.supervisor import Supervisor
from exporters.topology.family import Document, TopologyFamily
from exporters.uplink.family import UplinkFamily

log = logging.getLogger(__name__)

_SETTLE_LIMIT = 2.0

SLOW_INTERVALS = 12


def families(settings: Settings, epoch: float) -> tuple[Family, ...]:
    """Return the families that are read."""
    pace = Pace.of(settings.interval, epoch)
    wanted = worker_modules(settings.facilities)
    made: list[Family] = []
    gpus: GpuFamily | None = None
    node = NodeFamily(settings, pace) if NODE.name in wanted else None
    keeping = Keeping(settings.state, machine := Machine.of(settings.sysfs))
    declare = declaration(settings, machine)
    if GPU.name in wanted:
        tail = node.tail if node else None
        gpus = GpuFamily(settings, epoch, tail, keeping, declare.gpus)
        made.append(gpus)
    made.append(AllocationFamily(settings, epoch, lambda now: readings(gpus, now)))
    unwrap, learned = Unwrap(keeping, settings.procfs), Learned(keeping, settings.interval)
    rdma = RdmaFamily(settings, pace, unwrap, declare.rdma_ports, learned)
    if RDMA.name in wanted:
        made.append(rdma)
    if RDMA_ETHTOOL.name in wanted:
        made.append(EthtoolFamily(settings, epoch, rdma if RDMA.name in wanted else None))
    if RDMA_NETLINK.name in wanted:
        made.append(SoloFamily(RDMA_NETLINK, settings, _slow(settings, epoch), lasting=False))
    if TOPOLOGY.name in wanted:
        made.append(TopologyFamily(settings, _slow(settings, epoch), rdma.overhear))
    made += _beyond(settings, pace, wanted.keys())
    if node:
        made.append(node)
    return tuple(made)


def _beyond(settings: Settings, pace: Pace, wanted: Container[str]) -> Iterator[Family]:
    """Yield the families that look beyond the node: at the fabric, and along dedicated lines."""
    if FABRIC.name in wanted:
        yield FabricFamily(settings, pace.epoch)
    if UPLINK.name in wanted:
        yield UplinkFamily(settings, pace)


def _slow(settings: Settings, epoch: float) -> Pace:
    """Return the pace of what changes seldom and costs much to look at."""
    return Pace.of(settings.interval, epoch, intervals=SLOW_INTERVALS)


class Exporter:
    """The loop: gives workers their time, gathers what they sent, hangs up snapshots."""

    def __init__(self, settings: Settings, supervisor: Supervisor) -> None:
        """Take the supervisor of a zygote that was forked before any thread."""
        self.board = Board()
        self._settings = settings
        self._supervisor = supervisor
        epoch = Moment.now().mono
        self._families = families(settings, epoch)
        self._lookouts = [family for family in self._families if isinstance(family, Lookout)]
        self._emitters = emitters(settings.compat)
        self._writer = Writer((*METRICS, *(m for e in self._emitters for m in e.metrics)))
        self._duplicates = 0
        self._journal = Journal()
        self._beat = epoch + settings.interval
        """When the next interval begins."""
        self._resumed = 0.0
        """When the program was let run again, for the first time since a snapshot was built: what
        it knows is old then."""
        self._limit = min(settings.interval / 2, _SETTLE_LIMIT)
        """How long after either the snapshot waits for workers that are still reading."""

    def run(self, stop: threading.Event) -> None:
        """Go on until told to stop."""
        while not stop.is_set():
            self._act()
            self._wait()

    def until_complete(self, stop: threading.Event) -> Snapshot | None:
        """Go on until everything has answered or was seen not to; None where told to stop."""
        while not stop.is_set():
            self._act()
            if self.board.newest is not None and self.board.newest.complete:
                return self.board.newest
            self._wait()
        return None

    def topology(self) -> Document | None:
        """Return the document of the topology as it was last made, None where it never was."""
        found = (f.document for f in self._families if isinstance(f, TopologyFamily))
        return next(found, None)

    def fabric(self) -> Document | None:
        """Return the document of the fabric as it was last made, None where it never was."""
        found = (f.document for f in self._families if isinstance(f, FabricFamily))
        return next(found, None)

    def _act(self) -> None:
        now = Moment.now()
        for lookout in self._lookouts:
            lookout.look(now)
        for family in self._families:
            self._supervisor.employ(family.posts)
        self._supervisor.step(now)
        if self._is_due(now):
            self._publish(now)

    def _wait(self) -> None:
        """Wait for the next thing that is due, or that a worker or a signal brings."""
        now = Moment.now()
        until = min(self._supervisor.wake, self._next_look(now))
        if self._supervisor.wait(until - now.mono) and self._resumed < self._beat:
            self._resumed = Moment.now().mono

    def _is_due(self, now: Moment) -> bool:
        if self._first_is_there():
            return True
        if now.mono < self._beat:
            return False
        return not self._supervisor.reading or now.mono >= self._latest

    def _first_is_there(self) -> bool:
        """Whether the first full snapshot can be built, and has not been."""
        newest = self.board.newest
        return (newest is None or not newest.complete) and self._settled

    def _next_look(self, now: Moment) -> float:
        return self._beat if now.mono < self._beat else self._latest

    @property
    def _latest(self) -> float:
        """When the snapshot waits no longer."""
        return max(self._beat, self._resumed) + self._limit

    @property
    def _settled(self) -> bool:
        return all(family.settled for family in self._families)

    def _publish(self, now: Moment) -> None:
        interval = self._settings.interval
        while self._beat <= now.mono:
            self._beat += interval
        standings = tuple(s for family in self._families for s in family.standings(now))
        self._journal.note(standings)
        lines = self._writer.write(self._with_compat(tuple(self._samples(standings, now))))
        self._duplicates += len(lines.duplicates)
        self._journal.duplicates(lines.duplicates)
        self.board.publish(
            Snapshot(
                built=now,
                lines=lines,
                standings=standings,
                complete=self._settled,
                registry=REGISTRY,
            )
        )

    def _samples(self, standings: Iterable[Standing], now: Moment) -> Iterator[Sample]:
        posts = [post for family in self._families for post in family.posts]
        yield from program_samples(self._settings.interval, posts, self._duplicates)
        yield from collector_samples(standings)
        for family in self._families:
            yield from family.samples(now)

    def _with_compat(self, samples: Sequence[Sample]) -> Iterator[Sample]:
        yield from samples
        for emitter in self._emitters:
            yield from emitter.emit(samples)


class Journal:
    """Logs what changed, once when it is lost and once when it is back."""

    def __init__(self) -> None:
        """Begin with nothing said."""
        self._states: dict[tuple[str, str], State] = {}
        self._told_duplicates = False

    def note(self, standings: Iterable[Standing]) -> None:
        """Log each facility whose state is another than last time."""
        for standing in standings:
            of = (standing.family, standing.facility)
            before, self._states[of] = self._states.get(of, State.STARTING), standing.state
            if standing.state is before:
                continue
            told = {"collector": "/".join(of), "state": standing.state, "was": before}
            if standing.problem and standing.state is not State.OK:
                told["problem"] = standing.problem
            log.log(_level(before, standing.state), "collector changed", extra=told)

    def duplicates(self, series: Sequence[str]) -> None:
        """Log the first series that came twice; the counter tells of the rest."""
        if series and not self._told_duplicates:
            self._told_duplicates = True
            log.error("duplicate series left out", extra={"series": series[0]})


def _level(before: State, state: State) -> int:
    if state in (State.FAILED, State.HUNG):
        return logging.WARNING
    return logging.DEBUG if (before, state) == (State.STARTING, State.OK) else logging.INFO
