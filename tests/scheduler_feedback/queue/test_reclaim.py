"""Who gives back what was borrowed, and who never has to."""

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler_feedback.gang.fleet import Fleet
from scheduler_feedback.gang.model import Gang
from scheduler_feedback.gang.place import Placement, Refusal, place
from scheduler_feedback.queue.gate import QuotaGate
from scheduler_feedback.queue.reclaim import Fits, Reclaim
from tests.budget import examples
from tests.scheduler_feedback.gang.clusters import GPU, fleet
from tests.scheduler_feedback.queue.worlds import (
    World,
    a_gang,
    contested,
    declare,
    quota,
    worlds,
)


def reclaim(world: World) -> Reclaim | None:
    gate = world.gate()
    world.plan(gate)
    return gate.reclaim


def leaving(world: World) -> list[str]:
    found = reclaim(world)
    return [] if found is None else [gang.name for gang in found.leaving]


def borrowed(*running: Gang, asks: Gang, **more: object) -> World:
    """Queue a is guaranteed two nodes of four; b has borrowed them."""
    return World(
        declaration=declare(a=quota(16), b=quota(16)),
        empty=fleet(nodes=4, per_leaf=2),
        running=running,
        waiting=(asks,),
        **more,  # type: ignore[arg-type] # as World takes it
    )


def test_the_lowest_priority_goes_first_then_the_newest() -> None:
    running = [
        a_gang("b", "low-old", 1, 8, at=["node-0"], priority=0, since=1.0),
        a_gang("b", "low-new", 1, 8, at=["node-1"], priority=0, since=2.0),
        a_gang("b", "high", 1, 8, at=["node-2"], priority=1, since=9.0),
        a_gang("b", "higher", 1, 8, at=["node-3"], priority=2, since=9.0),
    ]

    one = borrowed(*running, asks=a_gang("a", "small", 1, 8, priority=2))
    two = borrowed(*running, asks=a_gang("a", "large", 2, 8, priority=2))

    assert leaving(one) == ["low-new"]
    assert leaving(two) == ["low-new", "low-old"]


def test_no_gang_of_higher_priority_gives_way() -> None:
    running = [a_gang("b", f"b{n}", 1, 8, at=[f"node-{n}"], priority=5) for n in range(4)]

    assert leaving(borrowed(*running, asks=a_gang("a", "low", 1, 8, priority=4))) == []
    assert leaving(borrowed(*running, asks=a_gang("a", "same", 1, 8, priority=5))) == ["b0"]


def test_a_gang_that_is_partly_within_its_guarantee_stays() -> None:
    running = a_gang("b", "wide", 4, 8, at=[f"node-{n}" for n in range(4)])

    assert reclaim(borrowed(running, asks=a_gang("a", "entitled", 2, 8))) is None


def test_nobody_leaves_for_a_gang_that_would_not_fit_all_the_same() -> None:
    running = [
        a_gang("b", "b0", 1, 8, at=["node-0"]),
        a_gang("b", "b2", 1, 8, at=["node-2"]),
        a_gang("b", "b3", 1, 8, at=["node-3"]),
        a_gang("c", "foreign", 1, 8, at=["node-1"]),
    ]
    world = borrowed(*running, asks=a_gang("a", "tight", 2, 8, required=0))

    assert reclaim(world) is None


def test_who_stands_in_the_way_leaves_though_others_would_be_first() -> None:
    running = [
        a_gang("b", "elsewhere", 1, 8, at=["node-2"], since=9.0),
        a_gang("b", "kept", 1, 8, at=["node-3"], since=8.0),
        a_gang("b", "in-the-way", 1, 8, at=["node-0"], since=1.0),
    ]
    world = borrowed(*running, asks=a_gang("a", "tight", 2, 8, required=0))

    assert leaving(world) == ["in-the-way"]


def test_nobody_leaves_for_a_gang_that_would_borrow() -> None:
    running = [a_gang("b", f"b{n}", 1, 8, at=[f"node-{n}"]) for n in range(4)]

    assert reclaim(borrowed(*running, asks=a_gang("a", "greedy", 3, 8, priority=9))) is None


def test_nobody_leaves_unless_the_owner_asked_for_it() -> None:
    running = [a_gang("b", f"b{n}", 1, 8, at=[f"node-{n}"]) for n in range(4)]

    assert reclaim(borrowed(*running, asks=a_gang("a", "one", 1, 8), reclaim=False)) is None


def test_those_on_their_way_out_are_waited_for_before_anyone_else_is_asked() -> None:
    running = [a_gang("b", f"b{n}", 1, 8, at=[f"node-{n}"]) for n in range(3)]
    going = a_gang("b", "going", 1, 8, at=["node-3"])

    found = reclaim(borrowed(*running, asks=a_gang("a", "one", 1, 8), going=(going,)))

    assert found is not None
    assert found.leaving == ()


@pytest.mark.fuzz
@settings(max_examples=examples(60), deadline=None)
@given(st.one_of(worlds(), contested(), contested()))
def test_as_many_leave_as_the_gang_needs_and_not_one_more(world: World) -> None:
    gate = _Watched(world)
    found = gate.run()
    if found is None:
        return

    assert gate.fits(found.gang, found.leaving)
    for gang in found.leaving:
        assert not gate.fits(found.gang, [g for g in found.leaving if g is not gang])


@pytest.mark.fuzz
@settings(max_examples=examples(60), deadline=None)
@given(contested())
def test_a_reclaim_stays_within_its_bounds(world: World) -> None:
    gate = world.gate()
    made = world.plan(gate)
    found = gate.reclaim
    if found is None:
        return

    quotas = {queue.name: queue.quotas[GPU].guaranteed for queue in world.declaration.queues}
    used = Counter(world.used(made))
    asks = sum(rank.request[GPU] for rank in found.gang.waiting)
    assert used[found.gang.namespace] + asks <= quotas[found.gang.namespace]
    for gang in (*found.leaving, *world.going):
        used[gang.namespace] -= sum(rank.request[GPU] for rank in gang.ranks)
    for gang in found.leaving:
        assert gang in world.running
        assert gang.priority <= found.gang.priority
        assert used[gang.namespace] >= quotas[gang.namespace]


class _Watched(QuotaGate):
    """Remembers what was free when it was chosen who leaves."""

    def __init__(self, world: World) -> None:
        made = world.gate()
        super().__init__(made.book, made._scene)
        self._world = world
        self._free = world.fleet

    def run(self) -> Reclaim | None:
        """Make a pass; return who gives way."""
        self._world.plan(self)
        return self.reclaim

    def before_borrowers(self, refused: Sequence[Refusal], fleet: Fleet, fits: Fits) -> None:
        self._free = fleet
        super().before_borrowers(refused, fleet, fits)

    def fits(self, gang: Gang, leaving: Sequence[Gang]) -> bool:
        """Whether a gang has room once these, and those on their way, are gone."""
        free = self._free
        for gone in (*leaving, *self._world.going):
            back = {GPU: -gone.ranks[0].request[GPU], "pods": -1}
            free = free.without([(free.names.index(rank.node), back) for rank in gone.ranks])
        return isinstance(place(gang, free), Placement)


@pytest.mark.fuzz
@settings(max_examples=examples(40), deadline=None)
@given(contested())
def test_it_comes_to_rest_and_nobody_has_to_leave_twice(world: World) -> None:
    left: list[str] = []
    for _ in range(12):
        gate = world.gate()
        made = world.plan(gate)
        leaving = gate.reclaim.leaving if gate.reclaim is not None else ()
        left += [gang.key for gang in leaving]
        busy = bool(made.placed or leaving or world.going)
        if not busy:
            break
        world = world.after(made, leaving)

    assert not busy
    assert len(left) == len(set(left))
