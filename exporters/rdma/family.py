"""The program's side of the RDMA family: its devices, their workers, which ports are expected.

All devices share one worker, and one at which it hung gets a worker of its own.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, takewhile

from exporters.facility import Cycle, End, Outcome, State
from exporters.ledger import Record, Standing, state_after
from exporters.moment import Moment
from exporters.post import Pace, Post
from exporters.rdma import port
from exporters.rdma.device import HUNG, Device
from exporters.rdma.devices import ELSEWHERE, by_device, listing, names
from exporters.rdma.inventory import Declare, nothing
from exporters.rdma.learned import Learned
from exporters.rdma.memory import Memory
from exporters.rdma.reader import Reader
from exporters.rdma.unwrap import Unwrap
from exporters.registry import RDMA, chosen
from exporters.sample import Sample
from exporters.settings import Settings

_WORST_FIRST = (State.FAILED, State.OK, State.ABSENT, State.STARTING)


class RdmaFamily:
    """All RDMA devices of the node, and what is remembered of their ports."""

    def __init__(
        self,
        settings: Settings,
        pace: Pace,
        unwrap: Unwrap | None = None,
        declare: Declare = nothing,
        learned: Learned | None = None,
    ) -> None:
        """Open the post that the devices share; `declare` knows which ports there should be."""
        self._unwrap = unwrap
        self._interval = settings.interval
        self._pace = pace
        wanted = chosen(RDMA, settings.facilities)
        self._names = tuple(f.name for f in wanted if f.readings)
        self._derived = [f.name for f in wanted if not f.readings]
        """Facilities that are worked out here."""
        self._devices: dict[str, Device] = {}
        self.readers: list[Reader] = []
        self._listed: Outcome | None = None
        self._silent: Cycle | None = None
        """The shared worker's last cycle, where it did not even list the devices."""
        self._memory = Memory(self._derived, settings.interval, declare, learned)
        self._share()

    @property
    def posts(self) -> list[Post]:
        """The shared post, and those of single devices."""
        return [reader.post for reader in self.readers]

    @property
    def settled(self) -> bool:
        """Whether each device was read, or seen not to be readable."""
        told = self._listed is not None or self._silent is not None
        return told and all(device.state for device in self._devices.values())

    def _share(self) -> None:
        alone = frozenset(reader.only for reader in self.readers)
        self.readers.append(Reader(self._names, self._pace, alone, self._hear))

    def _hear(self, reader: Reader, cycle: Cycle, now: Moment) -> None:
        if self._unwrap:
            cycle = self._unwrap.take(cycle, now)
        self._memory.take(cycle, now)
        if not reader.only:
            self._hear_all(reader, cycle, now)
        elif (device := self._devices.get(reader.only)) and not device.is_elsewhere:
            own = by_device(cycle).get(reader.only, replace(cycle, outcomes=()))
            device.fold(own, now)

    def avoided(self) -> list[str]:
        """Return the devices to leave alone: they refuse to be read, or hang."""
        return [device.name for device in self._devices.values() if not device.is_well]

    def overhear(self, cycle: Cycle, now: Moment) -> None:
        """Take what another family's worker read of these devices."""
        self._memory.take(cycle, now)
        for name, part in by_device(cycle).items():
            if name in self._devices:
                self._devices[name].count_errors(part)

    def _hear_all(self, reader: Reader, cycle: Cycle, now: Moment) -> None:
        listed = listing(cycle)
        self._silent = cycle if listed is None else None
        if listed is None:
            return
        self._enlist(listed)
        here = frozenset(names(listed))
        parts, nothing = by_device(cycle), replace(cycle, outcomes=())
        alone = {other.only for other in self.readers}
        shared = [
            (device, parts.get(name, nothing))
            for name, device in self._devices.items()
            if name not in alone and name in here
        ]
        through = list(takewhile(lambda one: len(one[1].outcomes) == len(self._names), shared))
        stopped = [] if cycle.complete else shared[len(through) :][:1]
        if not (cycle.complete or stopped):
            return  # it ended between two orders, which says nothing of any device
        for device, part in through:
            device.fold(replace(part, end=End.OK, problem=""), now)
        for device, part in stopped:
            self._part(reader, device, part, now)

    def _enlist(self, listed: Outcome) -> None:
        """Take the devices there are, in order; of one that is gone nothing is kept.

        A list that could not be read says nothing of the devices known.
        """
        self._listed = listed
        if listed.state is not State.FAILED:
            away = self._away(listed)
            self._devices = {
                name: self._devices.get(name) or Device(name, self._names, self._interval)
                for name in (*names(listed), *away)
            }
            for name, device in self._devices.items():
                if name in away:
                    device.leave()
                elif device.is_elsewhere:
                    device.arrive()

    def _away(self, listed: Outcome) -> list[str]:
        """Return the devices that are elsewhere, one never seen by its PCI address."""
        places = [str(note.value) for note in listed.notes if note.name == ELSEWHERE]
        here = names(listed)
        away = [self._memory.device_at(place) for place in places]
        return [name for name in away if name not in here]

    def _part(self, reader: Reader, device: Device, part: Cycle, now: Moment) -> None:
        """Leave the worker that did not come back from a device with it; share a new one.

        `part` is what the cycle brought of the device.
        """
        at = self._names[len(part.outcomes)]
        problem = f"no answer from {at}" if part.end is End.HUNG else f"{part.problem} in {at}"
        device.fold(replace(part, problem=problem), now)
        reader.stay_with(device.name)
        self._share()

    def standings(self, now: Moment) -> Iterator[Standing]:
        """Yield how each facility stands on the devices that answer; the others do not count."""
        found = {name: self._standing(name, now) for name in self._names}
        yield from found.values()
        unread = Standing(family=RDMA.name, facility="", state=State.ABSENT)
        source = found.get(port.FACILITY.name, unread)
        for facility in self._derived:
            yield replace(source, facility=facility, seconds=None)

    def _standing(self, facility: str, now: Moment) -> Standing:
        known = [device.ledger.records[facility] for device in self._devices.values()]
        answering = [d.ledger.records[facility] for d in self._devices.values() if d.answers]
        worst = min(answering, key=lambda r: _WORST_FIRST.index(r.state), default=None)
        record = self._unlisted() or worst or self._silent_record(known)
        ages = [age for one in known if (age := one.age(now)) is not None]
        seconds = [one.seconds for one in known if one.seconds is not None]
        return Standing(
            family=RDMA.name,
            facility=facility,
            state=record.state,
            age=min(ages, default=None),
            seconds=sum(seconds) if seconds else None,
            problem=record.problem,
        )

    def _unlisted(self) -> Record | None:
        """Return how every facility stands where the devices could not be listed."""
        if self._silent is not None:
            return Record(state=state_after(self._silent.end), problem=self._silent.problem)
        if self._listed is not None and self._listed.state is State.FAILED:
            return Record(state=State.FAILED, problem=self._listed.problem)
        return None

    def _silent_record(self, known: list[Record]) -> Record:
        """Return how a facility stands where no device answers, with what the first said of it."""
        problems = (record.problem for record in known)
        return Record(state=self._silence(), problem=next(filter(None, problems), ""))

    def _silence(self) -> State:
        """Return how a facility stands where no device answers."""
        if self._listed is None:
            return State.STARTING
        states = {device.state for device in self._devices.values() if not device.is_elsewhere}
        if not states:
            return State.ABSENT
        if "" in states:
            return State.STARTING
        return State.HUNG if HUNG in states else State.FAILED

    def samples(self, now: Moment) -> Iterator[Sample]:
        """Return what is known of each device, and what is expected."""
        known = self._devices.values()
        away = {device.name for device in known if device.is_elsewhere}
        told = chain.from_iterable(device.samples(now) for device in known)
        return chain(told, self._memory.samples(away, now))
