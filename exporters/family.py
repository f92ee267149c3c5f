"""The program's side of a family: takes its workers' cycles, says what the scrape shall see."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, runtime_checkable

from exporters.facility import Cycle
from exporters.ledger import Ledger, Standing
from exporters.moment import Moment
from exporters.post import Fold, Pace, Post, Target
from exporters.registry import Family as Registered
from exporters.registry import chosen
from exporters.sample import Sample
from exporters.settings import Settings


class Family(Protocol):
    """What the program asks of a family."""

    @property
    def posts(self) -> Sequence[Post]:
        """Its posts so far; it may open more."""

    @property
    def settled(self) -> bool:
        """Whether everything it reads has answered once, or was seen not to."""

    def standings(self, now: Moment) -> Iterator[Standing]:
        """Yield how each of its facilities stands."""

    def samples(self, now: Moment) -> Iterator[Sample]:
        """Yield what is known now."""


@runtime_checkable
class Lookout(Protocol):
    """A family that looks around by itself, at what never waits."""

    def look(self, now: Moment) -> None:
        """Look; called before each step, which may be often."""


class SoloFamily:
    """A family that one worker reads."""

    def __init__(  # noqa: PLR0913 - what such a family is, the last three by keyword
        self,
        registered: Registered,
        settings: Settings,
        pace: Pace,
        *,
        listen: Fold = lambda _cycle, _now: None,
        target: Callable[[], Target] = dict,
        lasting: bool = True,
    ) -> None:
        """Open the family's post; `listen` hears each cycle too, `target` says what to open.

        A worker that is not `lasting` ends after each cycle, and gives its memory back.
        """
        self._name = registered.name
        names = tuple(f.name for f in chosen(registered, settings.facilities) if f.readings)
        self._listen = listen
        self.settled = False
        self.ledger = Ledger(names, pace.period)
        post = Post(
            key=self._name,
            family=self._name,
            target=target,
            order=names,
            pace=pace,
            fold=self.fold,
            lasting=lasting,
        )
        self.posts = (post,)

    def fold(self, cycle: Cycle, now: Moment) -> None:
        """Take a cycle of the worker's; what it read before it ended counts."""
        self.settled = True
        self.ledger.enter(cycle, now)
        self._listen(cycle, now)

    def standings(self, now: Moment) -> Iterator[Standing]:
        """Yield each facility as its record has it."""
        for name, record in self.ledger.records.items():
            yield Standing(
                family=self._name,
                facility=name,
                state=record.state,
                age=record.age(now),
                seconds=record.seconds,
                problem=record.problem,
            )

    def samples(self, now: Moment) -> Iterator[Sample]:
        """Yield what was read lately."""
        return self.ledger.samples(now)
