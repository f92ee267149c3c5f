"""The program's side of the RDMA family: its devices, their workers, which ports are expected.

All devices share one worker, and one at which it hung gets a worker of its own.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import takewhile

from exporters.facility import Cycle, End, Outcome, State
from exporters.ledger import Record, Standing, state_after
from exporters.moment import Moment
from exporters.post import Pace, Post
from exporters.rdma import inventory, port
from exporters.rdma.device import HUNG, Device
from exporters.rdma.devices import by_device, listing, names
from exporters.rdma.inventory import Expected
from exporters.rdma.reader import Reader
from exporters.registry import RDMA, chosen
from exporters.sample import Sample
from exporters.settings import Settings

_WORST_FIRST = (State.FAILED, State.OK, State.ABSENT, State.STARTING)


class RdmaFamily:
    """All RDMA devices of the node, and the ports ever seen active."""

    def __init__(self, settings: Settings, pace: Pace) -> None:
        """Open the post that the devices share."""
        self._interval = settings.interval
        self._pace = pace
        wanted = chosen(RDMA, settings.facilities)
        self._names = tuple(f.name for f in wanted if f.readings)
        self._learns = inventory.FACILITY in wanted
        self._devices: dict[str, Device] = {}
        self.readers: list[Reader] = []
        self._listed: Outcome | None = None
        self._silent: Cycle | None = None
        """The shared worker's last cycle, where it did not even list the devices."""
        self._expected = Expected()
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
        for outcome in cycle.outcomes:
            self._expected.learn(outcome.samples)
        if not reader.only:
            self._hear_all(reader, cycle, now)
        elif reader.only in self._devices:
            own = by_device(cycle).get(reader.only, replace(cycle, outcomes=()))
            self._devices[reader.only].fold(own, now)

    def _hear_all(self, reader: Reader, cycle: Cycle, now: Moment) -> None:
        listed = listing(cycle)
        self._silent = cycle if listed is None else None
        if listed is None:
            return
        self._enlist(listed)
        parts, nothing = by_device(cycle), replace(cycle, outcomes=())
        alone = {other.only for other in self.readers}
        shared = [
            (device, parts.get(name, nothing))
            for name, device in self._devices.items()
            if name not in alone
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
            self._devices = {
                name: self._devices.get(name) or Device(name, self._names, self._interval)
                for name in names(listed)
            }

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
        if self._learns:
            unread = Standing(family=RDMA.name, facility="", state=State.ABSENT)
            source = found.get(port.FACILITY.name, unread)
            yield replace(source, facility=inventory.FACILITY.name, seconds=None)

    def _standing(self, facility: str, now: Moment) -> Standing:
        known = [device.ledger.records[facility] for device in self._devices.values()]
        answering = [d.ledger.records[facility] for d in self._devices.values() if d.answers]
        worst = min(answering, key=lambda r: _WORST_FIRST.index(r.state), default=None)
        record = self._unlisted() or worst or Record(state=self._silence())
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

    def _silence(self) -> State:
        """Return how a facility stands where no device answers."""
        if self._listed is None:
            return State.STARTING
        states = {device.state for device in self._devices.values()}
        if not states:
            return State.ABSENT
        if "" in states:
            return State.STARTING
        return State.HUNG if HUNG in states else State.FAILED

    def samples(self, now: Moment) -> Iterator[Sample]:
        """Yield what is known of each device, and what is expected."""
        for device in self._devices.values():
            yield from device.samples(now)
        if self._learns:
            yield from self._expected.samples()
