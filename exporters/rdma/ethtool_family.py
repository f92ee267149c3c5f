"""The program's side of the ethtool family: what the ports' network interfaces tell.

Each facility has a worker of its own, at its own pace. When one hangs at a device, its successor
comes to that device last. It is no use to read the others in workers of their own, as is done for
sysfs: mostly what hangs holds the lock that every one of these calls takes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from math import ceil
from typing import Protocol

from exporters.facility import Cycle, End, Outcome, State
from exporters.ledger import Ledger, Record, Standing, state_after
from exporters.moment import Moment
from exporters.post import Pace, Post, Target
from exporters.rdma import modules
from exporters.rdma.devices import by_device, listing, names
from exporters.rdma.turn import Turn
from exporters.registry import RDMA_ETHTOOL, chosen
from exporters.sample import Sample
from exporters.settings import Settings


class Devices(Protocol):
    """What is known of the devices from reading sysfs."""

    @property
    def settled(self) -> bool:
        """Whether each was read there once, or seen not to be readable."""

    def overhear(self, cycle: Cycle, now: Moment) -> None:
        """Take what was read of their interfaces."""

    def avoided(self) -> Iterable[str]:
        """Return those to leave alone: they refuse to be read, or hang."""


MODULES_EVERY = 60.0
_WORST_FIRST = (State.FAILED, State.HUNG, State.OK, State.ABSENT, State.STARTING)


class EthtoolFamily:
    """The network interfaces of all RDMA devices."""

    def __init__(self, settings: Settings, epoch: float, devices: Devices | None) -> None:
        """Open a post for each facility; `devices` is None where sysfs is not read."""
        slow = ceil(MODULES_EVERY / settings.interval)
        self.rounds = [
            Round(
                facility.name,
                Pace.of(
                    settings.interval,
                    epoch,
                    intervals=slow if facility.name in modules.SLOW else 1,
                ),
                devices,
                lasting=facility.name not in modules.SLOW,
            )
            for facility in chosen(RDMA_ETHTOOL, settings.facilities)
        ]

    @property
    def posts(self) -> list[Post]:
        """A post a facility."""
        return [one.post for one in self.rounds]

    @property
    def settled(self) -> bool:
        """Whether each facility was read once, or seen not to be readable."""
        return all(one.told for one in self.rounds)

    def standings(self, now: Moment) -> Iterator[Standing]:
        """Yield how each facility stands on its worst device."""
        for one in self.rounds:
            yield one.standing(now)

    def samples(self, now: Moment) -> Iterator[Sample]:
        """Yield what was read lately."""
        for one in self.rounds:
            yield from one.samples(now)


class Round:
    """One facility, read on one device after the other."""

    def __init__(
        self, facility: str, pace: Pace, devices: Devices | None, *, lasting: bool
    ) -> None:
        """Open its post, which is taken once it is known which devices to leave alone."""
        self.told = False
        self.post = Post(
            key=f"{RDMA_ETHTOOL.name} {facility}",
            family=RDMA_ETHTOOL.name,
            target=self._target,
            order=(facility,),
            pace=pace,
            fold=self.fold,
            lasting=lasting,
            wanted=self._is_wanted,
        )
        self._facility = facility
        self._period = pace.period
        self._devices = devices
        self._avoided: tuple[str, ...] | None = None
        """The devices that the worker was told to leave alone, None before it was."""
        self._ledgers: dict[str, Ledger] = {}
        self._turn = Turn(facility=facility)
        self._whole = Record()
        """How the facility stands where that is not a matter of one device."""

    def _target(self) -> Target:
        self._avoided = tuple(self._devices.avoided()) if self._devices else ()
        return replace(self._turn, without=self._avoided).target()

    def _is_wanted(self) -> bool:
        """Whether the post is to be held as it is.

        Not before it is known which devices to leave alone; and once not when these are others than
        the worker was told, so that it ends and its successor is told.
        """
        if self._devices is None:
            return True
        if not self._devices.settled:
            return False
        others = self._avoided not in (None, tuple(self._devices.avoided()))
        if others:
            self._avoided = None
        return not others

    def fold(self, cycle: Cycle, now: Moment) -> None:
        """Take a cycle; what was read before it ended counts."""
        self.told = True
        if self._devices:
            self._devices.overhear(cycle, now)
        listed = listing(cycle)
        if listed is None or listed.state is State.FAILED:
            problem = cycle.problem if listed is None else listed.problem
            state = state_after(cycle.end) if listed is None else State.FAILED
            self._whole = Record(state=state, problem=problem)
            return
        self._whole = Record(state=State.ABSENT)
        self._enter(listed, cycle, now)

    def _enter(self, listed: Outcome, cycle: Cycle, now: Moment) -> None:
        here = names(listed)
        self._ledgers = {
            name: self._ledgers.get(name) or Ledger((self._facility,), self._period)
            for name in here
        }
        parts = by_device(cycle)
        for name, part in parts.items():
            if name in self._ledgers:
                self._ledgers[name].enter(replace(part, end=End.OK, problem=""), now)
        left = [name for name in self._turn.order(here) if name not in parts]
        if left and not cycle.complete:
            self._blame(left[0], cycle, now)

    def _blame(self, name: str, cycle: Cycle, now: Moment) -> None:
        problem = (
            f"no answer from {name}" if cycle.end is End.HUNG else f"{cycle.problem} at {name}"
        )
        self._ledgers[name].enter(replace(cycle, outcomes=(), problem=problem), now)
        others = tuple(one for one in self._turn.last if one != name and one in self._ledgers)
        self._turn = Turn(facility=self._facility, last=(*others, name))

    def standing(self, now: Moment) -> Standing:
        """Return how the facility stands on the worst of its devices."""
        known = [ledger.records[self._facility] for ledger in self._ledgers.values()]
        if self._whole.state is State.ABSENT and known:
            record = min(known, key=lambda one: _WORST_FIRST.index(one.state))
        else:
            record = self._whole
        ages = [age for one in known if (age := one.age(now)) is not None]
        seconds = [one.seconds for one in known if one.seconds is not None]
        return Standing(
            family=RDMA_ETHTOOL.name,
            facility=self._facility,
            state=record.state,
            age=min(ages, default=None),
            seconds=sum(seconds) if seconds else None,
            problem=record.problem,
        )

    def samples(self, now: Moment) -> Iterator[Sample]:
        """Yield what was read lately."""
        for ledger in self._ledgers.values():
            yield from ledger.samples(now)
