"""Where the ranks of a gang go."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler_feedback.gang.fleet import NOWHERE, Fleet
from scheduler_feedback.gang.model import Gang
from scheduler_feedback.gang.place import (
    INCOMPLETE,
    NO_DOMAIN,
    NO_ROOM,
    UNPLACED,
    Placement,
    Refusal,
    place,
)
from tests.budget import examples
from tests.scheduler_feedback.gang.clusters import GPU, fleet, gang


def rows(found: Placement | Refusal) -> list[int]:
    assert isinstance(found, Placement), found
    return [row for _, row in found.nodes]


def reason(found: Placement | Refusal) -> str:
    assert isinstance(found, Refusal), found
    return found.reason


def test_a_gang_gets_the_leaf_that_leaves_least_room_over() -> None:
    cluster = fleet(free=[8, 8, 8, 8, 0, 0, 8, 8, 8, 8, 8, 0, 8, 8, 8, 8])

    assert rows(place(gang(2, preferred=0), cluster)) == [6, 7]


def test_a_gang_too_large_for_a_leaf_gets_one_spine_and_as_few_leaves_as_will_do() -> None:
    cluster = fleet(free=[8, 8, 0, 0, 8, 8, 8, 8, 8, 8, 8, 8, 0, 0, 0, 0])

    found = place(gang(5, preferred=0, required=1), cluster)

    assert rows(found) == [0, 4, 5, 6, 7]
    assert isinstance(found, Placement)
    assert found.domain == "spine-0"


def test_a_gang_never_spans_what_it_forbids() -> None:
    cluster = fleet(free=[8, 8, 8, 0] * 4)

    assert reason(place(gang(4, required=0), cluster, fleet())) == NO_ROOM
    assert len(rows(place(gang(4), cluster, fleet()))) == 4


def test_a_gang_that_no_domain_could_ever_hold_is_told_so() -> None:
    found = place(gang(5, required=0), fleet(), fleet())

    assert reason(found) == NO_DOMAIN
    assert isinstance(found, Refusal)
    assert found.detail == "the best domain of tier-0 has room for 4 of 5"


def test_a_gang_whose_pods_are_not_all_there_waits() -> None:
    whole = gang(4)
    partial = Gang(
        namespace="default", name="train", size=4, least=4, ranks=whole.ranks[:3], since=0
    )

    assert reason(place(partial, fleet())) == INCOMPLETE


def test_an_elastic_gang_starts_with_what_it_needs_where_all_do_not_fit() -> None:
    cluster = fleet(nodes=4, free=[8, 8, 8, 0])

    assert len(rows(place(gang(4, least=2), cluster))) == 2


def test_ranks_follow_the_topology() -> None:
    placed = rows(place(gang(8, required=1), fleet()))

    assert placed == sorted(placed)
    leaves = [row // 4 for row in placed]
    assert sum(a != b for a, b in pairwise(leaves)) == 1


def test_several_ranks_share_a_node_where_they_fit() -> None:
    assert rows(place(gang(4, request={GPU: 4}), fleet(nodes=4))) == [0, 0, 1, 1]


def test_a_degraded_node_is_avoided_while_anything_else_fits() -> None:
    penalty = [5, 0, 0, 0] + [0] * 12

    assert 0 not in rows(place(gang(4, preferred=0), fleet(penalty=penalty)))


def test_a_degraded_node_is_used_when_nothing_else_fits() -> None:
    cluster = fleet(nodes=4, penalty=[5, 0, 0, 0])

    assert rows(place(gang(4), cluster)) == [0, 1, 2, 3]


def test_a_pool_is_used_only_by_gangs_that_those_before_it_cannot_hold() -> None:
    cluster = fleet(pool=[1] * 8 + [0] * 8, free=[8] * 8 + [8, 0, 8, 0, 8, 0, 8, 0])

    assert rows(place(gang(4, preferred=0), cluster)) == [8, 10, 12, 14]
    assert rows(place(gang(6, preferred=0), cluster)) == [0, 1, 2, 3, 4, 5]


def test_a_clean_node_of_the_last_pool_comes_before_a_degraded_one_of_the_first() -> None:
    cluster = fleet(nodes=4, pool=[0, 0, 2, 2], penalty=[1, 1, 0, 0])

    assert rows(place(gang(2), cluster)) == [2, 3]


def test_the_ranks_that_go_first_when_a_job_shrinks_are_in_the_pool_used_last() -> None:
    cluster = fleet(nodes=4, pool=[2, 0, 1, 0])

    assert rows(place(gang(4), cluster)) == [1, 3, 2, 0]


def test_a_gang_that_grows_stays_near_its_ranks_and_grows_whole_or_not_at_all() -> None:
    running = ["node-4", "node-5"]
    roomy = fleet(free=[8, 8, 8, 8, 0, 0, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8])
    tight = fleet(free=[8, 0, 0, 0, 0, 0, 8, 0, 8, 8, 8, 8, 8, 8, 8, 8])

    assert rows(place(gang(4, at=running), roomy)) == [6, 7]
    assert rows(place(gang(4, at=running, required=1), tight)) == [0, 6]
    assert reason(place(gang(5, at=running, required=1), tight)) == UNPLACED


def test_of_degraded_nodes_the_least_bad_is_used() -> None:
    cluster = fleet(nodes=4, penalty=[7, 3, 0, 0])

    assert rows(place(gang(3), cluster)) == [1, 2, 3]


def test_a_gang_never_straddles_sites_unless_it_may() -> None:
    cluster = fleet(free=[8, 8, 8, 0, 0, 0, 0, 0, 8, 8, 0, 0, 0, 0, 0, 0])

    assert reason(place(gang(4, site_tier=1), cluster, fleet())) == NO_ROOM
    assert rows(place(gang(4), cluster, fleet())) == [0, 1, 2, 8]


def test_a_slice_stays_within_its_leaf() -> None:
    cluster = fleet(free=[8, 8, 8, 0, 8, 8, 8, 0, 8, 8, 8, 8, 0, 0, 0, 0])

    placed = rows(place(gang(6, slice_size=2, slice_tier=0), cluster))

    assert [placed[n] // 4 == placed[n + 1] // 4 for n in (0, 2, 4)] == [True] * 3


def test_slices_that_do_not_fit_whole_are_refused() -> None:
    cluster = fleet(free=[8, 0, 0, 0] * 4)

    assert reason(place(gang(4, slice_size=2, slice_tier=0), cluster, fleet())) == NO_ROOM


def test_a_lost_rank_comes_back_near_the_others() -> None:
    cluster = fleet(free=[8] * 4 + [0, 0, 0, 8] + [8] * 8)
    running = gang(4, at=["node-4", "node-5", "node-6"], required=1, preferred=0)

    assert rows(place(running, cluster)) == [7]


def test_a_lost_rank_waits_where_its_domain_has_no_room() -> None:
    cluster = fleet(free=[8] * 4 + [0] * 4 + [8] * 8)
    running = gang(4, at=["node-4", "node-5", "node-6"], required=0)

    assert reason(place(running, cluster)) == UNPLACED


def test_ranks_that_ask_for_different_things_are_all_placed() -> None:
    mixed = gang(3)
    launcher = type(mixed.ranks[0])(
        name="launcher", uid="launcher", index=3, request={"pods": 1}, node=""
    )
    job = Gang(namespace="n", name="g", size=4, least=4, ranks=(*mixed.ranks, launcher))

    assert len(rows(place(job, fleet(nodes=4, free=[8, 8, 8, 0])))) == 4


def test_a_resource_that_no_node_has_is_no_room() -> None:
    assert reason(place(gang(1, request={"example.com/x": 1}), fleet(), fleet())) == NO_DOMAIN


def test_a_node_that_does_not_say_where_it_is_serves_gangs_that_do_not_ask() -> None:
    cluster = fleet(nodes=4)
    nowhere = Fleet(
        names=cluster.names,
        resources=cluster.resources,
        free=cluster.free,
        tiers=(np.full(4, NOWHERE), np.full(4, NOWHERE)),
        domains=((), ()),
        penalty=cluster.penalty,
    )

    assert rows(place(gang(2), nowhere)) == [0, 1]
    assert reason(place(gang(2, required=0), nowhere, nowhere)) == NO_DOMAIN


FREE = st.lists(st.integers(0, 8), min_size=16, max_size=16)


@settings(max_examples=examples(200), deadline=None)
@given(
    free=FREE,
    size=st.integers(1, 20),
    gpus=st.integers(0, 8),
    required=st.none() | st.integers(0, 1),
    preferred=st.none() | st.integers(0, 1),
    penalty=st.lists(st.integers(0, 2), min_size=16, max_size=16),
    slice_size=st.integers(1, 4),
    sliced=st.booleans(),
)
def test_a_gang_gets_all_or_nothing_within_capacity_and_what_it_requires(  # noqa: PLR0913 - a case
    *,
    free: list[int],
    size: int,
    gpus: int,
    required: int | None,
    preferred: int | None,
    penalty: list[int],
    slice_size: int,
    sliced: bool,
) -> None:
    cluster = fleet(free=free, penalty=penalty)
    job = gang(
        size,
        request={GPU: gpus},
        required=required,
        preferred=preferred,
        slice_size=slice_size,
        slice_tier=0 if sliced else None,
    )

    found = place(job, cluster, fleet())

    if isinstance(found, Refusal):
        return
    placed = rows(found)
    assert len(placed) == size
    assert all(placed.count(row) * gpus <= free[row] for row in set(placed))
    if required is not None:
        assert len({int(cluster.tiers[required][row]) for row in placed}) == 1
    if sliced:
        for start in range(0, size, slice_size):
            assert len({row // 4 for row in placed[start : start + slice_size]}) == 1
    assert place(job, cluster, fleet()) == found


@settings(max_examples=examples(100), deadline=None)
@given(free=FREE, size=st.integers(1, 16), gpus=st.integers(1, 8))
def test_a_gang_without_demands_is_refused_only_where_it_does_not_fit(
    free: list[int], size: int, gpus: int
) -> None:
    fits = sum(left // gpus for left in free) >= size

    found = place(gang(size, request={GPU: gpus}), fleet(free=free))

    assert isinstance(found, Placement) is fits


@pytest.mark.parametrize("tier", [0, 1])
def test_a_gang_confined_to_a_tier_is_refused_only_where_no_domain_of_it_fits(tier: int) -> None:
    cluster = fleet(free=[8, 8, 0, 0, 8, 0, 0, 0, 8, 8, 8, 0, 0, 0, 0, 0])
    for size in range(1, 6):
        fits = size <= 3
        assert isinstance(place(gang(size, required=tier), cluster), Placement) is fits
