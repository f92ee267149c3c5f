"""Which of the waiting gangs are placed now. Pure.

Those within what their queue is guaranteed first, then those that borrow; among them higher
priority first, then the older. A smaller gang may overtake one that does not fit yet; but a
gang that has waited longer than `patience` has the domain kept for it that could hold it soonest,
so that large gangs do not starve. One domain is kept at a time: the first gang's.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from scheduler_feedback.gang.fleet import Fleet, Ints
from scheduler_feedback.gang.model import Gang, Rank
from scheduler_feedback.gang.place import NO_ROOM, Placement, Refusal, place


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """What to do with every gang."""

    placed: tuple[Placement, ...] = ()
    refused: tuple[Refusal, ...] = ()
    kept: str = ""
    """The gang that a domain is kept for."""


class Gate(Protocol):
    """What gangs' queues let in, in one pass."""

    def borrows(self, gang: Gang) -> bool:
        """Whether a gang comes after those within their guarantee."""

    def admit(self, gang: Gang) -> Gang | Refusal:
        """Return what may be placed of a gang, or why nothing."""

    def take(self, gang: Gang, ranks: Sequence[Rank]) -> None:
        """Count ranks that were placed."""

    def before_borrowers(
        self, refused: Sequence[Refusal], fleet: Fleet, fits: Callable[[Gang, Fleet], bool]
    ) -> None:
        """Hear, between the two, who was refused and what is free now."""


class Open:
    """The gate of a cluster without queues."""

    def borrows(self, gang: Gang) -> bool:  # noqa: ARG002 - as any gate is asked
        """No gang does."""
        return False

    def admit(self, gang: Gang) -> Gang | Refusal:
        """Return the gang."""
        return gang

    def take(self, gang: Gang, ranks: Sequence[Rank]) -> None:
        """Count nothing."""

    def before_borrowers(
        self, refused: Sequence[Refusal], fleet: Fleet, fits: Callable[[Gang, Fleet], bool]
    ) -> None:
        """Nobody borrows."""


def _nowhere(_gang: Gang) -> Ints:
    return np.array([], dtype=np.int64)


def schedule(  # noqa: PLR0913 - each by keyword
    gangs: Sequence[Gang],
    fleet: Fleet,
    most: Fleet,
    *,
    now: float,
    patience: float,
    barred: Callable[[Gang], Ints] = _nowhere,
    gate: Gate | None = None,
) -> Schedule:
    """Place what can be placed; `most` is the fleet as if nothing ran on it.

    `barred` says which rows a gang may not use: taints, selectors, faults.
    """
    planner = _Planner(fleet, most, now=now, patience=patience, barred=barred, gate=gate or Open())
    return planner.run(
        gang for gang in sorted(gangs, key=lambda g: (-g.priority, g.since, g.key)) if gang.waiting
    )


class _Planner:
    """What is decided so far."""

    def __init__(  # noqa: PLR0913 - each by keyword
        self,
        fleet: Fleet,
        most: Fleet,
        *,
        now: float,
        patience: float,
        barred: Callable[[Gang], Ints],
        gate: Gate,
    ) -> None:
        self._fleet = self._free = fleet
        self._most = most
        self._now = now
        self._patience = patience
        self._barred = barred
        self._gate = gate
        self._placed: list[Placement] = []
        self._refused: list[Refusal] = []
        self._kept = ""

    def run(self, gangs: Iterator[Gang]) -> Schedule:
        """Decide about each, in this order, those that borrow last."""
        later = []
        for gang in gangs:
            if self._gate.borrows(gang):
                later.append(gang)
            else:
                self._take(gang)
        self._gate.before_borrowers(self._refused, self._free, self._fits)
        for gang in later:
            self._take(gang)
        return Schedule(placed=tuple(self._placed), refused=tuple(self._refused), kept=self._kept)

    def _take(self, gang: Gang) -> None:
        admitted = gang if len(gang.ranks) < gang.least else self._gate.admit(gang)
        off = self._barred(gang)
        found = (
            admitted
            if isinstance(admitted, Refusal)
            else place(admitted, self._fleet.closed(off), self._most.closed(off))
        )
        if isinstance(found, Placement):
            self._put(found)
            return
        self._refused.append(found)
        waited = self._now - gang.since >= self._patience
        if waited and not self._kept and found.reason == NO_ROOM:
            self._kept = gang.key
            rows = _soonest(gang, self._fleet.closed(off), self._most.closed(off))
            self._fleet = self._fleet.closed(rows)

    def _put(self, found: Placement) -> None:
        self._placed.append(found)
        self._gate.take(found.gang, [rank for rank, _ in found.nodes])
        taken = [(row, rank.request) for rank, row in found.nodes]
        self._fleet = self._fleet.without(taken)
        self._free = self._free.without(taken)

    def _fits(self, gang: Gang, fleet: Fleet) -> bool:
        return isinstance(place(gang, fleet.closed(self._barred(gang))), Placement)


def _soonest(gang: Gang, fleet: Fleet, most: Fleet) -> Ints:
    """Return the rows of the domain that could hold the gang and has most room already."""
    ideal = place(gang, most)
    if not isinstance(ideal, Placement):
        return np.array([], dtype=np.int64)
    request = gang.waiting[0].request
    could = [
        rows
        for _, rows in fleet.within(ideal.tier)
        if int(np.minimum(most.room(request)[rows], len(gang.waiting)).sum()) >= len(gang.waiting)
    ]
    room = fleet.room(request)
    best: Ints = max(could, key=lambda rows: int(np.minimum(room[rows], len(gang.waiting)).sum()))
    return best
