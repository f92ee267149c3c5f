"""Who gives back what was borrowed, so that a gang within its queue's guarantee gets room. Pure.

Whole gangs only, of queues that have borrowed what is asked for, and never so that the borrower
falls below its own guarantee; never a gang of higher priority than the one that waits. Those that
have begun to leave go on first, then the lowest priority, then the newest. Nobody leaves unless the
one that waits fits once they are gone, and nobody who could stay.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from scheduler_feedback.gang.fleet import Fleet, Request
from scheduler_feedback.gang.model import Gang
from scheduler_feedback.gang.place import NO_ROOM, UNPLACED, Refusal
from scheduler_feedback.gang.pods import Claim
from scheduler_feedback.queue.book import Book

Fits = Callable[[Gang, Fleet], bool]
_MOST_ASKING, _MOST_LEAVING, _MOST_DOMAINS = 4, 64, 16
"""Waiting gangs that are looked at in one pass; gangs that may have to leave for one; domains that
are tried for one where the easier ways lead nowhere. Each try plans a gang anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reclaim:
    """Who gives way to whom."""

    gang: Gang
    """The one that gets room."""
    resources: tuple[str, ...]
    """What is given back."""
    leaving: tuple[Gang, ...]
    """None where all that have to leave do so already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What runs, and what is on its way out."""

    running: Sequence[Gang] = ()
    """Gangs with ranks on nodes."""
    going: Sequence[Claim] = ()
    """What pods take that are being deleted: free in a while, whoever asks."""
    begun: Collection[str] = ()
    """Keys of gangs of which ranks are being deleted."""
    kept: Collection[str] = ()
    """Keys of gangs that cannot leave now: a budget forbids it, or they would not come back."""


def choose(
    refused: Iterable[Refusal], book: Book, scene: Scene, fleet: Fleet, fits: Fits
) -> Reclaim | None:
    """Return who gives way to the first refused gang that this helps; None where it helps none."""
    rows = {name: row for row, name in enumerate(fleet.names)}
    soon = fleet.without([_back(rows[c.node], c.request) for c in scene.going if c.node in rows])
    after = book.without(scene.going)
    waiting = [r.gang for r in refused if r.reason in (NO_ROOM, UNPLACED)]
    for gang in [gang for gang in waiting if _entitled(gang, book)][:_MOST_ASKING]:
        search = _Search(gang, after, soon, rows, fits)
        enough = bool(scene.going) and search.fits(())
        leaving = () if enough else search.leaving(_in_order(gang, after, scene))
        if leaving is not None:
            queue = book.held(gang)
            asked = book.asks(queue, gang.waiting) if queue is not None else {}
            return Reclaim(gang=gang, resources=tuple(sorted(asked)), leaving=leaving)
    return None


def _entitled(gang: Gang, book: Book) -> bool:
    queue = book.held(gang)
    return queue is not None and bool(book.asks(queue, gang.waiting)) and not book.borrows(gang)


def _back(row: int, request: Request) -> tuple[int, Request]:
    """Return what to take off the fleet so that it is free again."""
    return row, {resource: -amount for resource, amount in {"pods": 1, **request}.items()}


def _in_order(gang: Gang, book: Book, scene: Scene) -> list[Gang]:
    """Return the gangs that may have to leave for this one, those first that do so first."""
    queue = book.held(gang)
    wanted = frozenset(book.asks(queue, gang.waiting)) if queue is not None else frozenset()
    could = [
        each
        for each in scene.running
        if each.key not in scene.kept
        and each.key != gang.key
        and each.priority <= gang.priority
        and _gives_back(each, book, wanted)
    ]
    return sorted(
        could, key=lambda each: (each.key not in scene.begun, each.priority, -each.since, each.key)
    )


def _gives_back(gang: Gang, book: Book, wanted: frozenset[str]) -> bool:
    """Whether a gang has something of what is wanted, and its queue has borrowed all it has."""
    queue = book.held(gang)
    if queue is None:
        return False
    has = book.asks(queue, gang.placed)
    return not wanted.isdisjoint(has) and all(
        amount <= book.over(queue, resource) for resource, amount in has.items()
    )


class _Search:
    """The least that has to leave for one gang."""

    def __init__(
        self, gang: Gang, book: Book, fleet: Fleet, rows: Mapping[str, int], fits: Fits
    ) -> None:
        self._gang = gang
        self._book = book
        self._fleet = fleet
        self._rows = rows
        self._fits = fits

    def fits(self, leaving: Iterable[Gang]) -> bool:
        """Whether the gang has room once these are gone."""
        ranks = [rank for gang in leaving for rank in gang.placed if rank.node in self._rows]
        given = [_back(self._rows[rank.node], rank.request) for rank in ranks]
        return self._fits(self._gang, self._fleet.without(given))

    def leaving(self, could: Sequence[Gang]) -> tuple[Gang, ...] | None:
        """Return whom to ask; None where the gang would not fit all the same.

        One queue's gangs may each be borrowed and not all at once; so where the first of them will
        not do, those of one domain after the other are tried.
        """
        for pool in self._pools(could):
            found = self._fewest(pool)
            if found is not None and len(self._together(found)) == len(found):
                return found
        return None

    def _pools(self, could: Sequence[Gang]) -> Iterator[Sequence[Gang]]:
        yield could
        yield self._together(could)
        tried = 0
        for tier in range(len(self._fleet.tiers)):
            for _, rows in self._fleet.within(tier):
                names = {self._fleet.names[row] for row in rows.tolist()}
                here = [g for g in could if any(rank.node in names for rank in g.placed)]
                if here and tried < _MOST_DOMAINS:
                    tried += 1
                    yield self._together(here)

    def _together(self, could: Iterable[Gang]) -> list[Gang]:
        """Return the first of these whose queues keep their guarantee though all of them leave."""
        return [*self._bearable(could)]

    def _bearable(self, could: Iterable[Gang]) -> Iterator[Gang]:
        given: dict[tuple[str, str], int] = {}
        for gang in could:
            queue = self._book.held(gang)
            if queue is None:
                continue
            has = self._book.asks(queue, gang.placed)
            total = {(queue.name, r): given.get((queue.name, r), 0) + has[r] for r in has}
            if all(amount <= self._book.over(queue, r) for (_, r), amount in total.items()):
                given |= total
                yield gang

    def _fewest(self, could: Sequence[Gang]) -> tuple[Gang, ...] | None:
        """Return as few of the first as will do, without any that might as well stay."""
        if not could or not self.fits(could):
            return None
        least, most = 0, len(could)
        while most - least > 1:
            middle = (least + most) // 2
            least, most = (least, middle) if self.fits(could[:middle]) else (middle, most)
        if most > _MOST_LEAVING:
            return None
        chosen = [*could[:most]]
        for gang in reversed(could[:most]):
            without = [each for each in chosen if each is not gang]
            if self.fits(without):
                chosen = without
        return tuple(chosen)
