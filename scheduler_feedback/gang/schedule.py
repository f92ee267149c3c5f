"""Which of the waiting gangs are placed now. Pure.

Higher priority first, then the older. A smaller gang may overtake one that does not fit yet; but a
gang that has waited longer than `patience` has the domain kept for it that could hold it soonest,
so that large gangs do not starve. One domain is kept at a time: the first gang's.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from scheduler_feedback.gang.fleet import Fleet, Ints
from scheduler_feedback.gang.model import Gang
from scheduler_feedback.gang.place import NO_ROOM, Placement, Refusal, place


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """What to do with every gang."""

    placed: tuple[Placement, ...] = ()
    refused: tuple[Refusal, ...] = ()
    kept: str = ""
    """The gang that a domain is kept for."""


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
) -> Schedule:
    """Place what can be placed; `most` is the fleet as if nothing ran on it.

    `barred` says which rows a gang may not use: taints, selectors, faults.
    """
    placed: list[Placement] = []
    refused: list[Refusal] = []
    kept = ""
    for gang in sorted(gangs, key=lambda g: (-g.priority, g.since, g.key)):
        if not gang.waiting:
            continue
        off = barred(gang)
        found = place(gang, fleet.closed(off), most.closed(off))
        if isinstance(found, Placement):
            placed.append(found)
            fleet = fleet.without([(row, rank.request) for rank, row in found.nodes])
            continue
        refused.append(found)
        if not kept and found.reason == NO_ROOM and now - gang.since >= patience:
            kept = gang.key
            fleet = fleet.closed(_soonest(gang, fleet.closed(off), most.closed(off)))
    return Schedule(placed=tuple(placed), refused=tuple(refused), kept=kept)


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
