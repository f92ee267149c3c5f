"""Which gangs go first, which may overtake, and which never starve."""

from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler_feedback.gang.schedule import Schedule, schedule
from tests.budget import examples
from tests.scheduler_feedback.gang.clusters import GPU, fleet, gang

PATIENCE = 600.0


def names(made: Schedule) -> list[str]:
    return [placement.gang.name for placement in made.placed]


def test_higher_priority_goes_first_then_the_older() -> None:
    gangs = [
        gang(4, name="young", since=2),
        gang(4, name="old", since=1),
        gang(4, name="urgent", since=3, priority=10),
    ]

    made = schedule(gangs, fleet(nodes=8), fleet(nodes=8), now=10, patience=PATIENCE)

    assert names(made) == ["urgent", "old"]


def test_two_gangs_that_each_fit_alone_do_not_deadlock() -> None:
    gangs = [gang(6, name="a", since=1), gang(6, name="b", since=2)]

    made = schedule(gangs, fleet(nodes=8), fleet(nodes=8), now=10, patience=PATIENCE)

    assert names(made) == ["a"]
    assert [r.gang.name for r in made.refused] == ["b"]


def test_a_small_gang_overtakes_one_that_does_not_fit_yet() -> None:
    gangs = [gang(8, name="large", since=1), gang(2, name="small", since=2)]
    now_free = fleet(nodes=8, free=[8, 8, 8, 0, 0, 0, 0, 0])

    made = schedule(gangs, now_free, fleet(nodes=8), now=10, patience=PATIENCE)

    assert names(made) == ["small"]
    assert made.kept == ""


def test_a_gang_that_waited_too_long_is_overtaken_no_more() -> None:
    gangs = [gang(8, name="large", since=1), gang(2, name="small", since=2)]
    now_free = fleet(nodes=8, free=[8, 8, 8, 0, 0, 0, 0, 0])

    made = schedule(gangs, now_free, fleet(nodes=8), now=1000, patience=PATIENCE)

    assert names(made) == []
    assert made.kept == "default/large"


def test_only_the_domain_that_is_kept_is_closed_to_others() -> None:
    gangs = [gang(4, name="large", since=1, required=0), gang(2, name="small", since=2)]
    now_free = fleet(nodes=8, free=[8, 8, 8, 0, 8, 8, 0, 0])

    made = schedule(gangs, now_free, fleet(nodes=8), now=1000, patience=PATIENCE)

    assert names(made) == ["small"]
    assert {row // 4 for _, row in made.placed[0].nodes} == {1}


def test_no_domain_is_kept_for_a_gang_that_fits_nowhere() -> None:
    gangs = [gang(9, name="impossible", since=1), gang(2, name="small", since=2)]

    made = schedule(gangs, fleet(nodes=8), fleet(nodes=8), now=1000, patience=PATIENCE)

    assert names(made) == ["small"]


@settings(max_examples=examples(100), deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 8), st.integers(1, 8), st.integers(0, 2), st.integers(0, 1000)),
        max_size=8,
    ),
    st.lists(st.integers(0, 8), min_size=16, max_size=16),
    st.randoms(),
)
def test_capacity_is_never_exceeded_and_the_order_of_gangs_does_not_matter(
    wanted: list[tuple[int, int, int, int]], free: list[int], random: object
) -> None:
    gangs = [
        gang(size, name=f"g{n}", request={GPU: gpus}, priority=priority, since=since)
        for n, (size, gpus, priority, since) in enumerate(wanted)
    ]
    made = schedule(gangs, fleet(free=free), fleet(), now=1000, patience=PATIENCE)
    shuffled = list(gangs)
    random.shuffle(shuffled)  # type: ignore[attr-defined] # hypothesis' Random

    used = [0] * 16
    for placement in made.placed:
        assert len(placement.nodes) == placement.gang.size
        for rank, row in placement.nodes:
            used[row] += rank.request[GPU]
    assert all(u <= f for u, f in zip(used, free, strict=True))
    assert schedule(shuffled, fleet(free=free), fleet(), now=1000, patience=PATIENCE) == made
