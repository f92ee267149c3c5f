"""What the program knows of the facilities that one post reads."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from exporters.facility import Cycle, End, Outcome, State
from exporters.moment import Moment
from exporters.sample import Note, Sample

STALE_AFTER = 3
"""Intervals after which a reading that was not renewed is no longer shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a facility stands; age and duration are None before its first success, or run."""

    family: str
    facility: str
    state: State
    age: float | None = None
    seconds: float | None = None
    problem: str = ""


@dataclass(slots=True)
class Record:
    """The last that was heard of one facility."""

    state: State = State.STARTING
    problem: str = ""
    seconds: float | None = None
    samples: tuple[Sample, ...] = ()
    notes: tuple[Note, ...] = ()
    read: Moment | None = None
    succeeded: Moment | None = None

    def take(self, outcome: Outcome, now: Moment) -> None:
        """Take the outcome of a run."""
        self.state, self.problem = outcome.state, outcome.problem
        self.seconds, self.samples, self.read = outcome.seconds, outcome.samples, now
        self.notes = outcome.notes
        if outcome.state is State.OK:
            self.succeeded = now

    def miss(self, cycle: Cycle) -> None:
        """Take that a cycle ended without coming to this facility."""
        self.state, self.problem = state_after(cycle.end), cycle.problem

    def age(self, now: Moment) -> float | None:
        """Return the seconds since the last success."""
        return None if self.succeeded is None else now.mono - self.succeeded.mono


def state_after(end: End) -> State:
    """Return the state of a facility that a cycle with this end did not come to."""
    match end:
        case End.HUNG:
            return State.HUNG
        case End.ABSENT | End.NOT_MANAGED | End.OK | End.RESET_REQUIRED:
            return State.ABSENT
        case _:
            return State.FAILED


class Ledger:
    """One record a facility."""

    def __init__(self, facilities: Iterable[str], interval: float) -> None:
        """Begin with every facility starting."""
        self._records = {name: Record() for name in facilities}
        self._stale_after = STALE_AFTER * interval

    @property
    def records(self) -> Mapping[str, Record]:
        """The records by facility."""
        return self._records

    def enter(self, cycle: Cycle, now: Moment) -> None:
        """Take a cycle, whole or cut short."""
        reached = {outcome.facility: outcome for outcome in cycle.outcomes}
        for name, record in self._records.items():
            if name in reached:
                record.take(reached[name], now)
            else:
                record.miss(cycle)

    def samples(self, now: Moment) -> Iterator[Sample]:
        """Return what was read within the last three intervals."""
        known = self._records.values()
        return chain.from_iterable(
            one.samples for one in known if one.read is not None and self.fresh(one.read, now)
        )

    def notes(self, now: Moment) -> Iterator[Note]:
        """Yield what was noted within the last three intervals."""
        for record in self._records.values():
            if record.read is not None and self.fresh(record.read, now):
                yield from record.notes

    def fresh(self, then: Moment, now: Moment) -> bool:
        """Whether what was read then is still shown now."""
        return now.mono - then.mono <= self._stale_after
