"""Binding to shared GPUs: nobody gets what another one has, whoever crashes or hangs where."""

import contextlib
import json
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.wire import dump_devices
from scheduler_feedback.errors import KubeError, Unreachable
from scheduler_feedback.pools import DELETION_COST, Pools
from scheduler_feedback.share.assignment import Part, parse_assignment
from scheduler_feedback.share.binder import BindError
from scheduler_feedback.share.book import BookError, parse_reservations
from tests.budget import examples
from tests.scheduler_feedback.fakes import Clock
from tests.scheduler_feedback.objects import fault
from tests.scheduler_feedback.share.world import NAMES, World, sharing_node, sharing_pod, target


def assigned(world: World, name: str) -> tuple[Part, ...]:
    return parse_assignment(world.pods[name]["metadata"]["annotations"][NAMES.annotation])


def test_a_pod_is_bound_with_the_gpu_it_gets() -> None:
    world = World(sharing_node(), sharing_pod("a", 300, 1000))

    bound = world.binder(Clock()).bind(target("a"))

    assert bound.parts == assigned(world, "a") == (Part(gpu=0, milli=300, memory=1000),)
    assert world.pods["a"]["spec"]["nodeName"] == "gpu-1"


def test_pods_are_packed_onto_one_gpu_until_it_is_full() -> None:
    world = World(sharing_node(), *(sharing_pod(name, 400) for name in "abc"))
    binder = world.binder(Clock())

    gpus = [binder.bind(target(name)).parts[0].gpu for name in "abc"]

    assert gpus == [0, 0, 1]


def test_memory_counts_as_well() -> None:
    world = World(sharing_node(memory=1000), sharing_pod("a", 100, 700), sharing_pod("b", 100, 700))
    binder = world.binder(Clock())

    assert [binder.bind(target(name)).parts[0].gpu for name in "ab"] == [0, 1]


def test_whole_gpus_come_from_those_that_are_idle() -> None:
    world = World(sharing_node(gpus=3), sharing_pod("a", 100), sharing_pod("b", 2000))
    binder = world.binder(Clock())
    binder.bind(target("a"))

    assert [part.gpu for part in binder.bind(target("b")).parts] == [1, 2]


def test_without_room_the_pod_stays_and_nothing_is_announced() -> None:
    world = World(sharing_node(gpus=1), sharing_pod("a", 600), sharing_pod("b", 600))
    binder = world.binder(Clock())
    binder.bind(target("a"))
    written = world.version

    with pytest.raises(BindError, match="no GPU of gpu-1 has room") as refused:
        binder.bind(target("b"))

    assert refused.value.result == "no_room"
    assert world.version == written


def test_a_gpu_with_an_applied_fault_is_not_given_out_and_a_worn_one_last() -> None:
    node = sharing_node(gpus=3)
    faults = [
        fault("drain", "applied", device="GPU-0", condition="GpuUnavailable"),
        fault("avoid", "applied", device="GPU-1", condition="GpuDegraded"),
    ]
    told = json.loads(dump_devices(faults))
    told["GPU-0"][0]["name"], told["GPU-1"][0]["name"] = "GPU 0", "GPU 1"
    node["metadata"]["annotations"]["railwatch.io/devices"] = json.dumps(told)
    world = World(node, *(sharing_pod(name, 1000) for name in "abc"))
    binder = world.binder(Clock())

    assert [binder.bind(target(name)).parts[0].gpu for name in "ab"] == [2, 1]
    with pytest.raises(BindError, match="no GPU"):
        binder.bind(target("c"))


def test_a_pod_that_nobody_assigned_counts_against_every_gpu() -> None:
    stranger = sharing_pod("stranger", 500)
    stranger["spec"]["nodeName"] = "gpu-1"
    world = World(sharing_node(), stranger, sharing_pod("a", 600))

    with pytest.raises(BindError, match="no GPU"):
        world.binder(Clock()).bind(target("a"))


def test_an_assignment_that_says_less_than_the_pod_asks_for_does_not_count() -> None:
    sly = sharing_pod("sly", 900)
    sly["metadata"]["annotations"][NAMES.annotation] = '{"gpus":[{"index":0,"milli":1,"memory":0}]}'
    sly["spec"]["nodeName"] = "gpu-1"
    world = World(sharing_node(gpus=1), sly, sharing_pod("a", 200))

    with pytest.raises(BindError, match="no GPU"):
        world.binder(Clock()).bind(target("a"))


def test_bound_twice_is_bound_once() -> None:
    world = World(sharing_node(), sharing_pod("a", 300))
    binder = world.binder(Clock())
    binder.bind(target("a"))

    with pytest.raises(BindError) as said:
        binder.bind(target("a"))

    assert said.value.result == "again"


def test_who_crashed_after_announcing_holds_the_gpu_only_for_a_while() -> None:
    clock = Clock()
    world = World(sharing_node(gpus=1), sharing_pod("gone", 1000), sharing_pod("b", 1000))
    crash_at(world, "bind")
    with pytest.raises(Unreachable):
        world.binder(clock).bind(target("gone"))
    world.before = lambda _request: None

    with pytest.raises(BindError, match="no GPU"):
        world.binder(clock).bind(target("b"))
    clock.now += 31

    assert world.binder(clock).bind(target("b")).parts[0].gpu == 0


def crash_at(world: World, request: str) -> None:
    def before(asked: str) -> None:
        if asked == request:
            raise Unreachable("crashed")

    world.before = before


def test_who_hung_before_binding_wakes_up_to_a_refusal_and_plans_again() -> None:
    clock = Clock()
    world = World(sharing_node(gpus=1), sharing_pod("late", 1000), sharing_pod("quick", 1000))

    def hang(request: str) -> None:
        if request == "bind":
            world.before = lambda _request: None
            clock.now += 3600
            world.binder(clock).bind(target("quick"))

    world.before = hang

    with pytest.raises(BindError, match="no GPU"):
        world.binder(clock).bind(target("late"))

    assert world.taken() == [(1000, 0)]
    assert "nodeName" not in world.pods["late"]["spec"]


_REQUESTS = st.tuples(
    st.sampled_from("abcdef"),
    st.integers(min_value=0, max_value=14),
    st.sampled_from(["meet", "crash", "hang", "lost", "finish"]),
)


@settings(max_examples=examples(150))
@given(
    st.lists(st.sampled_from([200, 400, 500, 700, 1000, 2000]), min_size=6, max_size=6),
    st.lists(_REQUESTS, min_size=1, max_size=12),
)
def test_no_gpu_is_ever_given_out_beyond_what_it_has(
    asks: list[int], steps: list[tuple[str, int, str]]
) -> None:
    pods = [
        sharing_pod(name, milli, milli * 10) for name, milli in zip("abcdef", asks, strict=True)
    ]
    world, clock = World(sharing_node(gpus=2, memory=20_000), *pods), Clock()

    run(world, clock, iter(steps), depth=0)

    assert all(milli <= 1000 and memory <= 20_000 for milli, memory in world.taken())


def run(world: World, clock: Clock, steps: Iterator[tuple[str, int, str]], depth: int) -> None:
    """Bind one pod after the other; at some request, a crash, or the next one meanwhile."""
    for name, at, what in steps:
        count = 0

        def before(_request: str, at: int = at, what: str = what) -> None:
            nonlocal count
            count += 1
            if count != at + 1:
                return
            if what == "crash":
                raise Unreachable("crashed")
            if what in ("meet", "hang") and depth < 4:
                mine = world.before
                clock.now += 40 if what == "hang" else 0
                run(world, clock, steps, depth + 1)
                world.before = mine

        world.before, world.answer_lost = before, what == "lost"
        with contextlib.suppress(BindError, KubeError):
            world.binder(clock).bind(target(name))
        world.before, world.answer_lost = (lambda _request: None), False
        if what == "finish" and world.pods[name]["spec"].get("nodeName"):
            world.pods[name]["status"]["phase"] = "Succeeded"
        assert all(milli <= 1000 for milli, _ in world.taken())


@settings(max_examples=examples(200))
@given(
    st.text(max_size=60)
    | st.recursive(
        st.none() | st.integers() | st.text(max_size=4) | st.floats(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["gpus", "index", "milli", "uid", "at", "name"]), inner
            )
        ),
        max_leaves=10,
    ).map(json.dumps)
)
def test_no_text_in_a_book_crashes_the_reader(text: str) -> None:
    with contextlib.suppress(BookError):
        assert isinstance(parse_reservations(text), tuple)


def test_pods_of_the_pool_used_last_are_those_that_their_owner_lets_go_first() -> None:
    node = sharing_node()
    node["metadata"]["labels"]["pool"] = "on-demand"
    owned = sharing_pod("owned", 100)
    owned["metadata"]["annotations"][DELETION_COST] = "7"
    world = World(node, sharing_pod("a", 100), owned)
    world.pools = Pools(label="pool", order=("own", "leased"))

    for name in ("a", "owned"):
        world.binder(Clock()).bind(target(name))

    costs = [world.pods[name]["metadata"]["annotations"][DELETION_COST] for name in ("a", "owned")]
    assert costs == ["-2", "7"]
