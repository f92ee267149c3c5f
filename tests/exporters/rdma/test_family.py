"""The RDMA devices of a node together, and who reads them."""

import time
from dataclasses import replace

from catalog.rdma import RDMA_PORT_STATE
from exporters.facility import Cycle, End, Outcome, State
from exporters.ledger import Standing
from exporters.post import Pace
from exporters.rdma.devices import Scope
from exporters.rdma.family import RdmaFamily
from exporters.rdma.reader import Reader
from exporters.sample import Note, Sample
from exporters.settings import Settings
from tests.exporters.samples import at, outcome

PACE = Pace.of(5.0, epoch=0.0)
FACILITIES = ("port", "counters")
SETTINGS = Settings(facilities=frozenset({"rdma.port", "rdma.counters", "rdma.inventory"}))


def family() -> RdmaFamily:
    return RdmaFamily(SETTINGS, PACE)


def listed(*devices: str) -> Outcome:
    notes = tuple(Note("device", name) for name in devices)
    return replace(outcome("devices", state=State.OK if devices else State.ABSENT), notes=notes)


def said(device: str, *, of: tuple[str, ...] = FACILITIES) -> list[Outcome]:
    active = Sample(RDMA_PORT_STATE, (device, "1"), 4)
    samples = {"port": (active,)}
    return [outcome(name, *samples.get(name, ()), notes={"device": device}) for name in of]


def hear(reader: Reader, *outcomes: Outcome, seconds: float, end: End = End.OK) -> None:
    reader.fold(Cycle(outcomes=outcomes, end=end), at(seconds))


def standings(of: RdmaFamily, seconds: float) -> dict[str, Standing]:
    return {s.facility: s for s in of.standings(at(seconds))}


def values(of: RdmaFamily, seconds: float) -> dict[tuple[str, ...], float]:
    return {(s.metric.name, *s.labels): s.value for s in of.samples(at(seconds))}


def states(of: RdmaFamily, seconds: float) -> dict[str, str]:
    found = values(of, seconds)
    return {
        key[1]: key[2]
        for key, value in found.items()
        if key[0] == "railwatch_rdma_device_state" and value == 1
    }


def test_all_devices_share_one_worker() -> None:
    made = family()
    assert {s.state for s in made.standings(at(0))} == {State.STARTING}
    starting = made.settled

    hear(made.readers[0], listed("a", "b"), *said("a"), *said("b"), seconds=1)

    assert (starting, made.settled) == (False, True)
    assert len(made.posts) == 1
    assert {s.state for s in made.standings(at(1))} == {State.OK}
    assert states(made, 1) == {"a": "ok", "b": "ok"}


def test_a_device_that_hangs_gets_a_worker_of_its_own_and_the_others_a_new_one() -> None:
    made = family()
    (first,) = made.readers
    hear(first, listed("a", "b", "c"), *said("a"), *said("b"), *said("c"), seconds=1)

    hear(
        first, listed("a", "b", "c"), *said("a"), *said("b", of=("port",)), seconds=11, end=End.HUNG
    )

    own, shared = made.readers
    assert own is first
    assert Scope.of(own.post.target()) == Scope(only="b")
    assert Scope.of(shared.post.target()) == Scope(without=frozenset({"b"}))
    assert shared.post.wake == 0
    assert states(made, 11) == {"a": "ok", "b": "hung", "c": "ok"}
    assert standings(made, 11)["counters"].state is State.OK


def test_the_others_are_read_anew_before_their_readings_grow_too_old() -> None:
    made = family()
    (post,) = made.posts

    began = at(1)
    post.step(began)
    post.received(outcome("attached"), began)

    assert post.wake - began.mono < 15 - 5


def test_a_device_alone_answers_again() -> None:
    made = family()
    hear(made.readers[0], listed("a", "b"), seconds=1, end=End.HUNG)
    own, shared = made.readers
    hear(shared, listed("a", "b"), *said("b"), seconds=2)
    assert states(made, 2) == {"a": "hung", "b": "ok"}

    hear(own, *said("a"), seconds=3)

    assert states(made, 3) == {"a": "ok", "b": "ok"}
    assert values(made, 3)["railwatch_rdma_port_state", "a", "1"] == 4
    assert len(made.posts) == 2


def test_a_second_device_that_hangs_is_parted_too() -> None:
    made = family()
    hear(made.readers[0], listed("a", "b", "c"), seconds=1, end=End.HUNG)

    hear(made.readers[1], listed("a", "b", "c"), seconds=6, end=End.HUNG)
    hear(made.readers[2], listed("a", "b", "c"), *said("c"), seconds=7)

    assert [Scope.of(post.target()).only for post in made.posts] == ["a", "b", ""]
    assert states(made, 7) == {"a": "hung", "b": "hung", "c": "ok"}
    assert made.settled


def test_where_every_device_hangs_the_facilities_do() -> None:
    made = family()

    hear(made.readers[0], listed("a"), *said("a", of=("port",)), seconds=1, end=End.HUNG)

    assert standings(made, 1)["port"].state is State.HUNG
    assert standings(made, 1)["inventory"].state is State.HUNG


def test_a_worker_that_dies_at_a_device_leaves_it_unreadable() -> None:
    made = family()

    hear(made.readers[0], listed("a", "b"), seconds=1, end=End.DIED)
    hear(made.readers[1], listed("a", "b"), *said("b"), seconds=2)

    assert states(made, 2) == {"a": "unreadable", "b": "ok"}


def test_a_worker_that_dies_between_readings_says_nothing_of_a_device() -> None:
    made = family()
    hear(made.readers[0], listed("a"), *said("a"), seconds=1)

    hear(made.readers[0], listed("a"), *said("a"), seconds=5, end=End.DIED)

    assert states(made, 5) == {"a": "ok"}
    assert standings(made, 5)["port"].age == 4
    assert len(made.posts) == 1


def test_devices_that_cannot_be_listed_fail_everything_and_those_known_stay() -> None:
    made = family()
    hear(made.readers[0], listed("a"), *said("a"), seconds=1)

    failed = outcome("devices", state=State.FAILED, problem="/sys: input/output error")
    hear(made.readers[0], failed, seconds=6)

    assert {s.state for s in made.standings(at(6))} == {State.FAILED}
    assert standings(made, 6)["port"].problem == "/sys: input/output error"
    assert values(made, 6)["railwatch_rdma_port_state", "a", "1"] == 4


def test_a_list_that_does_not_come_is_a_hang_of_the_family() -> None:
    made = family()

    hear(made.readers[0], seconds=1, end=End.HUNG)

    assert made.settled
    assert {s.state for s in made.standings(at(1))} == {State.HUNG}
    assert len(made.posts) == 1


def test_a_device_that_is_gone_leaves_nothing_but_what_was_expected_of_it() -> None:
    made = family()
    hear(made.readers[0], listed("a", "b"), *said("a"), *said("b"), seconds=1)

    hear(made.readers[0], listed("b"), *said("b"), seconds=2)

    assert states(made, 2) == {"b": "ok"}
    assert ("railwatch_rdma_port_state", "a", "1") not in values(made, 2)
    assert values(made, 2)["railwatch_rdma_port_expected", "a", "1", "learned"] == 1


def test_no_device_is_absent() -> None:
    made = family()

    hear(made.readers[0], listed(), seconds=1)

    assert made.settled
    assert {s.state for s in made.standings(at(1))} == {State.ABSENT}
    assert not values(made, 1)


def test_the_expected_are_remembered() -> None:
    made = family()
    hear(made.readers[0], listed("a"), *said("a"), seconds=1)

    found = values(made, 100)

    assert found["railwatch_rdma_port_expected", "a", "1", "learned"] == 1
    assert found["railwatch_rdma_ports_expected", "learned"] == 1


def test_read_errors_are_counted_by_file_and_bounded() -> None:
    made = family()
    files = [Note("read_error", f"counters/{number:02}") for number in range(40)]
    first, second = said("a")

    for seconds in (1, 2):
        troubled = replace(first, notes=(*first.notes, *files))
        hear(made.readers[0], listed("a"), troubled, second, seconds=seconds)

    found = {k[2]: v for k, v in values(made, 2).items() if k[0].endswith("read_errors_total")}
    assert len(found) == 33
    assert (found["counters/00"], found["counters/31"], found["other"]) == (2, 2, 16)


def test_a_thousand_devices_one_of_which_hangs() -> None:
    made = family()
    devices = [f"mlx5_{number}" for number in range(1000)]
    before = [one for device in devices[:700] for one in said(device)]

    began = time.process_time()
    hear(made.readers[0], listed(*devices), *before, seconds=1, end=End.HUNG)
    others = [one for device in devices if device != "mlx5_700" for one in said(device)]
    hear(made.readers[1], listed(*devices), *others, seconds=2)
    found = states(made, 2)
    took = time.process_time() - began

    print(f"1,000 devices: {took:.3f} s of CPU")
    assert found == {device: "hung" if device == "mlx5_700" else "ok" for device in devices}
    assert len(made.posts) == 2
