"""Where the ranks of one gang go: all of them, or none. Pure.

Wider and wider domains are tried, from the tier that the gang prefers up to the one it requires, on
clean nodes only; where nowhere is room for all, the same with ever less healthy nodes. Among the
domains of a tier the one is taken that leaves least room over, and within it as few sub-domains as
will do: the roomiest first, the last as tight as possible. Neighbouring ranks get neighbouring
nodes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from scheduler_feedback.gang.fleet import NOWHERE, Fleet, Ints, Request
from scheduler_feedback.gang.model import Gang, Rank
from scheduler_feedback.pools import MOST_POOLS

INCOMPLETE, NO_DOMAIN, NO_ROOM, UNPLACED = "incomplete", "no_domain", "no_room", "unplaced"
REASONS = (INCOMPLETE, NO_DOMAIN, NO_ROOM, UNPLACED)
"""incomplete: pods are still missing; no_domain: no domain of the tier that it requires could ever
hold it; no_room: some could, were they empty; unplaced: its running ranks are outside of any
domain that it may use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where the waiting ranks of a gang go."""

    gang: Gang
    nodes: tuple[tuple[Rank, int], ...]
    """Each rank with its row in the fleet."""
    tier: int
    """The tier of which one domain holds the whole gang; one beyond the last for the cluster."""
    domain: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a gang cannot be placed now."""

    gang: Gang
    reason: str
    detail: str


def place(gang: Gang, fleet: Fleet, most: Fleet | None = None) -> Placement | Refusal:
    """Place the ranks that wait; `most` is the fleet as if nothing ran on it."""
    if len(gang.ranks) < gang.least:
        detail = f"{len(gang.ranks)} of {gang.least} pods exist"
        return Refusal(gang=gang, reason=INCOMPLETE, detail=detail)
    found = _find(gang, fleet)
    if found is not None:
        return found
    if gang.placed:
        return Refusal(gang=gang, reason=UNPLACED, detail="no room near its running ranks")
    empty = replace(most, penalty=np.zeros(len(most), dtype=np.int64)) if most else None
    if empty is not None and _find(gang, empty) is None:
        return Refusal(gang=gang, reason=NO_DOMAIN, detail=_widest(gang, fleet))
    return Refusal(gang=gang, reason=NO_ROOM, detail=_widest(gang, fleet))


def _find(gang: Gang, fleet: Fleet) -> Placement | None:
    needed = max(gang.least - len(gang.placed), 1) if gang.waiting else 0
    for ranks in _goals(gang.waiting, needed):
        for worst in sorted({*fleet.penalty.tolist()}):
            usable = fleet.closed(np.flatnonzero(fleet.penalty > worst))
            for tier in _tiers(gang, fleet):
                found = _in_tier(gang, ranks, usable, tier)
                if found is not None:
                    return found
    return None


def _goals(waiting: tuple[Rank, ...], least: int) -> Iterator[tuple[Rank, ...]]:
    """Yield which ranks to try: all of them, else as many as it can start with."""
    yield waiting
    if 0 < least < len(waiting):
        yield waiting[:least]


def _tiers(gang: Gang, fleet: Fleet) -> range:
    beyond = len(fleet.tiers)
    limits = [tier for tier in (gang.required, gang.site_tier) if tier is not None]
    widest = min(limits, default=beyond)
    first = gang.preferred if gang.preferred is not None else widest
    if gang.placed:
        first = 0  # near those that run, whatever it asked for
    return range(min(first, widest), widest + 1)


def _in_tier(gang: Gang, ranks: tuple[Rank, ...], fleet: Fleet, tier: int) -> Placement | None:
    offers = []
    for name, rows in fleet.within(tier):
        if not _holds(gang.placed, fleet, rows):
            continue
        room = _total_room(gang, ranks, fleet, rows)
        if room >= len(ranks):
            offers.append((int(fleet.penalty[rows].sum()), room, name, rows))
    for _, _, name, rows in sorted(offers, key=lambda offer: (offer[1], offer[0], offer[2])):
        nodes = _fill(gang, ranks, fleet, rows, tier)
        if nodes is not None:
            return Placement(
                gang=gang, nodes=tuple(zip(ranks, nodes, strict=True)), tier=tier, domain=name
            )
    return None


def _holds(placed: Sequence[Rank], fleet: Fleet, rows: Ints) -> bool:
    """Whether all ranks that run already do so in these rows."""
    if not placed:
        return True
    names = {fleet.names[row] for row in rows.tolist()}
    return all(rank.node in names for rank in placed)


def _total_room(gang: Gang, ranks: Sequence[Rank], fleet: Fleet, rows: Ints) -> int:
    """Return how many ranks the rows could hold at most, by the smallest request among them."""
    kinds = {tuple(sorted(rank.request.items())) for rank in ranks}
    rooms = [fleet.room(dict(kind))[rows] for kind in kinds]
    most = np.maximum.reduce(rooms) if rooms else np.zeros(len(rows), dtype=np.int64)
    if gang.slice_tier is None or len(kinds) > 1:
        return int(np.minimum(most, len(ranks)).sum())
    return sum(
        int(np.minimum(most[inside], len(ranks)).sum()) // gang.slice_size * gang.slice_size
        for inside in _split(fleet, rows, gang.slice_tier)
    )


def _split(fleet: Fleet, rows: Ints, tier: int) -> list[Ints]:
    """Return the positions in `rows` of each domain of a tier; who is nowhere is on its own."""
    if tier >= len(fleet.tiers):
        return [np.arange(len(rows))]
    of = fleet.tiers[tier][rows]
    known = [np.flatnonzero(of == domain) for domain in np.unique(of[of != NOWHERE])]
    return [*known, *(np.array([alone]) for alone in np.flatnonzero(of == NOWHERE))]


def _fill(
    gang: Gang, ranks: Sequence[Rank], fleet: Fleet, rows: Ints, tier: int
) -> list[int] | None:
    """Return a row for each rank, None where they do not fit after all."""
    if len({tuple(sorted(rank.request.items())) for rank in ranks}) > 1:
        return _fill_mixed(ranks, fleet, _order(fleet, rows, tier, ranks[0].request))
    room = np.minimum(fleet.room(ranks[0].request if ranks else {}), len(ranks))
    if gang.slice_tier is not None and gang.slice_size > 1:
        return _fill_slices(gang, len(ranks), fleet, rows, room)
    nodes = _spread_down(fleet, rows, room, tier, len(ranks))
    # The highest ranks are the first to go when a job shrinks: they get the pools used last.
    pool = fleet.penalty % MOST_POOLS
    return sorted(nodes, key=lambda row: int(pool[row])) if nodes is not None else None


def _fill_slices(gang: Gang, wanted: int, fleet: Fleet, rows: Ints, room: Ints) -> list[int] | None:
    """Fill whole slices into domains of the slice's tier."""
    tier = gang.slice_tier if gang.slice_tier is not None else 0
    size = gang.slice_size
    groups = [rows[inside] for inside in _split(fleet, rows, tier)]
    whole = [int(room[group].sum()) // size * size for group in groups]
    nodes: list[int] = []
    for at, take in _shares(whole, -(-wanted // size) * size):
        part = _spread_down(fleet, groups[at], room, tier, take)
        if part is None:
            return None
        nodes += part
    return nodes[:wanted] if len(nodes) >= wanted else None


def _spread_down(fleet: Fleet, rows: Ints, room: Ints, tier: int, wanted: int) -> list[int] | None:
    """Return rows for so many ranks, in as few sub-domains of each tier below as will do."""
    if tier <= 0:
        room_here = room[rows].tolist()
        return [row for at, take in _shares(room_here, wanted) for row in [int(rows[at])] * take]
    groups = [rows[inside] for inside in _split(fleet, rows, tier - 1)]
    nodes: list[int] = []
    for at, take in _shares([int(room[group].sum()) for group in groups], wanted):
        part = _spread_down(fleet, groups[at], room, tier - 1, take)
        if part is None:
            return None
        nodes += part
    return nodes if len(nodes) == wanted else None


def _shares(room: Sequence[int], wanted: int) -> list[tuple[int, int]]:
    """Return (position, how many) so that few are used: the roomiest first, the last just enough.

    In order of position, so that neighbours stay neighbours. Fewer than wanted where room lacks.
    """
    left = wanted
    chosen: dict[int, int] = {}
    order = sorted(range(len(room)), key=lambda at: (-room[at], at))
    for at in order:
        if left <= 0:
            break
        enough = [o for o in order if o not in chosen and room[o] >= left]
        at_last = min(enough, key=lambda o: (room[o], o)) if enough else at
        take = min(room[at_last], left)
        if take <= 0 or at_last in chosen:
            break
        chosen[at_last] = take
        left -= take
    return sorted(chosen.items())


def _order(fleet: Fleet, rows: Ints, tier: int, request: Request) -> list[int]:
    """Return the rows, the domains below with most room first, neighbours together."""
    room = np.minimum(fleet.room(request), len(rows))
    if tier <= 0:
        return sorted(rows.tolist(), key=lambda row: (-int(room[row]), row))
    groups = [rows[inside] for inside in _split(fleet, rows, tier - 1)]
    groups.sort(key=lambda group: (-int(room[group].sum()), int(group[0])))
    return [row for group in groups for row in _order(fleet, group, tier - 1, request)]


def _fill_mixed(ranks: Sequence[Rank], fleet: Fleet, order: Sequence[int]) -> list[int] | None:
    """Place ranks that ask for different things, the most demanding first, each where it fits."""
    nodes: dict[str, int] = {}
    for rank in sorted(ranks, key=lambda r: (-sum(r.request.values()), r.index)):
        room = fleet.room(rank.request)
        row = next((row for row in order if room[row] > 0), None)
        if row is None:
            return None
        nodes[rank.uid] = row
        fleet = fleet.without([(row, rank.request)])
    return [nodes[rank.uid] for rank in ranks]


def _widest(gang: Gang, fleet: Fleet) -> str:
    """Return how close the best domain comes, in bounded words."""
    tier = max(_tiers(gang, fleet))
    best = max(
        (_total_room(gang, gang.waiting, fleet, rows) for _, rows in fleet.within(tier)), default=0
    )
    where = f"domain of tier-{tier}" if tier < len(fleet.tiers) else "cluster"
    return f"the best {where} has room for {min(best, len(gang.waiting))} of {len(gang.waiting)}"
