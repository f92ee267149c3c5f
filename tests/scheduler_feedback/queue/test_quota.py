"""Who is let in by the quotas of queues."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler_feedback.gang.place import NO_ROOM, Refusal
from scheduler_feedback.gang.schedule import Schedule
from scheduler_feedback.queue.book import BORROWED, LIMIT, RECLAIMING, Book
from tests.budget import examples
from tests.scheduler_feedback.gang.clusters import GPU, fleet
from tests.scheduler_feedback.queue.worlds import World, a_gang, claims, declare, quota, worlds


def placed(made: Schedule) -> set[str]:
    return {placement.gang.name for placement in made.placed}


def refused(made: Schedule) -> dict[str, str]:
    return {refusal.gang.name: refusal.reason for refusal in made.refused}


def test_a_queue_borrows_what_another_does_not_use_and_no_more() -> None:
    world = World(
        declaration=declare(a=quota(16), b=quota(8)),
        empty=fleet(nodes=8),
        waiting=(a_gang("b", "first", 3, 8, since=1.0), a_gang("b", "second", 2, 8, since=2.0)),
    )

    made = world.plan(world.gate())

    assert placed(made) == {"first"}
    assert refused(made) == {"second": BORROWED}
    (only,) = made.refused
    assert only.detail == (
        "queue b: uses 24 nvidia.com/gpu, the gang asks for 16, "
        "8 are guaranteed and 16 can be borrowed"
    )


def test_what_is_not_borrowable_stays_idle_for_its_owner() -> None:
    world = World(
        declaration=declare(a=quota(16, borrowable=0), b=quota(8)),
        empty=fleet(nodes=8),
        waiting=(a_gang("b", "more", 2, 8), a_gang("a", "own", 2, 8)),
    )

    made = world.plan(world.gate())

    assert placed(made) == {"own"}
    assert refused(made) == {"more": BORROWED}


def test_nobody_goes_beyond_his_limit_though_there_is_room() -> None:
    world = World(
        declaration=declare(a=quota(8, limit=16), b=quota(64)),
        empty=fleet(nodes=8),
        running=(a_gang("a", "there", 1, 8, at=["node-0"]),),
        waiting=(a_gang("a", "two", 2, 8), a_gang("a", "one", 1, 8), a_gang("a", "big", 3, 8)),
    )

    made = world.plan(world.gate())

    assert placed(made) == {"one"}
    assert refused(made) == {"two": LIMIT, "big": LIMIT}
    assert "which it never has" in next(r.detail for r in made.refused if r.gang.name == "big")


def test_a_gang_within_its_guarantee_goes_before_one_of_higher_priority_that_borrows() -> None:
    world = World(
        declaration=declare(a=quota(16), b=quota(0)),
        empty=fleet(nodes=2),
        waiting=(a_gang("b", "eager", 2, 8, priority=9), a_gang("a", "entitled", 2, 8)),
        reclaim=False,
    )

    made = world.plan(world.gate())

    assert placed(made) == {"entitled"}
    assert refused(made) == {"eager": BORROWED}


def test_a_gang_that_may_start_with_fewer_gets_as_many_as_its_queue_has() -> None:
    world = World(
        declaration=declare(a=quota(16)),
        empty=fleet(nodes=8),
        waiting=(a_gang("a", "elastic", 4, 8, least=2),),
    )

    made = world.plan(world.gate())

    assert [len(placement.nodes) for placement in made.placed] == [2]


def test_a_namespace_without_a_queue_is_not_held() -> None:
    world = World(
        declaration=declare(a=quota(8)),
        empty=fleet(nodes=2),
        waiting=(a_gang("c", "free", 2, 8),),
    )

    assert placed(world.plan(world.gate())) == {"free"}


def test_while_room_is_made_nobody_borrows_it() -> None:
    going = a_gang("b", "leaver", 1, 8, at=["node-0"])
    world = World(
        declaration=declare(a=quota(16), b=quota(0)),
        empty=fleet(nodes=3),
        going=(going,),
        running=(a_gang("c", "other", 1, 8, at=["node-2"]),),
        waiting=(a_gang("a", "entitled", 2, 8), a_gang("b", "eager", 1, 8, priority=9)),
    )
    gate = world.gate()

    made = world.plan(gate)

    assert gate.reclaim is not None
    assert gate.reclaim.leaving == ()
    assert placed(made) == set()
    assert refused(made) == {"entitled": NO_ROOM, "eager": RECLAIMING}


def test_what_an_engine_has_admitted_is_its_own_affair() -> None:
    world = World(declaration=declare(a=quota(8, limit=8)), empty=fleet(nodes=4))
    kueue = replace(a_gang("a", "queued", 2, 8), engine="kueue")

    taken = claims([replace(kueue, ranks=tuple(replace(r, node="n") for r in kueue.ranks))])
    told = [replace(claim, engine="kueue") for claim in taken]
    alone = Book(world.declaration, told)
    beside = Book(world.declaration, told, ("kueue",))

    (queue,) = world.declaration.queues
    assert (alone.used(queue)[GPU], beside.used(queue)[GPU]) == (16, 0)
    assert isinstance(alone.admit(kueue), Refusal)
    assert beside.admit(kueue) == kueue


@pytest.mark.fuzz
@settings(max_examples=examples(50), deadline=None)
@given(worlds())
def test_a_pass_keeps_every_limit_and_the_capacity_and_lends_no_more_than_there_is(
    world: World,
) -> None:
    gate = world.gate()

    made = world.plan(gate)

    before, after = world.used(), world.used(made)
    for queue in world.declaration.queues:
        limit = queue.quotas[GPU].limit
        grown = after[queue.name] > before[queue.name]
        assert limit is None or not grown or after[queue.name] <= limit
    taken = [claim.request[GPU] for claim in world.taken]
    new = [rank.request[GPU] for p in made.placed for rank, _ in p.nodes]
    assert sum(taken) + sum(new) <= 8 * len(world.empty)
    assert sum(after.values()) == sum(taken) + sum(new)
    borrowers = {
        queue.name
        for queue in world.declaration.queues
        if after[queue.name] > max(before[queue.name], queue.quotas[GPU].guaranteed)
    }
    if borrowers:
        over = sum(
            max(0, after[q.name] - q.quotas[GPU].guaranteed) for q in gate.book.declaration.queues
        )
        lent = sum(
            min(q.quotas[GPU].borrowable, max(0, q.quotas[GPU].guaranteed - after[q.name]))
            for q in gate.book.declaration.queues
        )
        assert over <= lent


@pytest.mark.fuzz
@settings(max_examples=examples(50), deadline=None)
@given(worlds())
def test_a_gang_starts_whole_and_each_is_placed_or_refused(world: World) -> None:
    made = world.plan(world.gate())

    for placement in made.placed:
        assert len(placement.nodes) == len(placement.gang.waiting) == placement.gang.size
    assert {*placed(made), *refused(made)} == {each.name for each in world.waiting}
    assert not placed(made) & refused(made).keys()


@pytest.mark.fuzz
@settings(max_examples=examples(40), deadline=None)
@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_in_which_things_are_told_does_not_matter(world: World, random: object) -> None:
    shuffled = replace(
        world,
        running=_shuffled(world.running, random),
        waiting=_shuffled(world.waiting, random),
        going=_shuffled(world.going, random),
    )
    one, other = world.gate(), shuffled.gate()

    made, again = world.plan(one), shuffled.plan(other)

    assert made == again
    assert one.reclaim == other.reclaim


def _shuffled(items: tuple, random: object) -> tuple:  # type: ignore[type-arg] # of anything
    found = [*items]
    random.shuffle(found)  # type: ignore[attr-defined] # hypothesis' own Random
    return tuple(found)
