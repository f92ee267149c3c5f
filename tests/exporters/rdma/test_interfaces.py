"""Real network interfaces: a veth pair in a network namespace of its own."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from catalog.rdma_ethernet import RDMA_SYMBOL_ERRORS
from exporters.facility import Cycle, End, Outcome, State
from exporters.ledger import Standing
from exporters.moment import Moment
from exporters.post import Action
from exporters.rdma.devices import by_device
from exporters.rdma.ethtool_family import EthtoolFamily
from exporters.rdma.turn import Turn
from exporters.sample import Note, Sample
from exporters.settings import Settings
from tests.exporters.samples import at, attached, outcome

ROOT = Path(__file__).parents[3]

SCRIPT = """
import json, subprocess, sys
from exporters.rdma.ethtool import Ethtool
from exporters.rdma.ethtool_worker import attach
from exporters.settings import Settings
from testbed.waiting import wait_until

def link(name, to):
    subprocess.run(["ip", "link", "set", name, to], check=True)

def read(session):
    outcomes = list(session.cycle())
    samples = [[s.metric.name, *s.labels, s.value] for o in outcomes for s in o.samples]
    return {"samples": samples, "problems": [o.problem for o in outcomes if o.problem]}

settings = Settings(sysfs=sys.argv[1])
session = attach(settings, {"read": "roce"})
told = {"names": list(Ethtool().statistics("rw-a")), "first": read(session)}
for _ in range(2):
    link("rw-b", "down")
    link("rw-b", "up")
up = ["railwatch_rdma_port_carrier_events_total", "rxe0", "1", "up", 2]

def told_of_both():
    told["second"] = read(session)
    return up in told["second"]["samples"]

wait_until(told_of_both)  # the kernel may take a second to tell
told["modules"] = read(attach(settings, {"read": "modules"}))
subprocess.run(["ip", "link", "del", "rw-a"], check=True)
told["last"] = read(session)
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Yield what a worker said of an RDMA device whose interface is one end of the pair."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    tree = tmp_path_factory.mktemp("sys")
    port = tree / "class/infiniband/rxe0/ports/1"
    (port / "gid_attrs/ndevs").mkdir(parents=True)
    (port / "gid_attrs/ndevs/0").write_text("rw-a\n")
    (tree / "class/net").symlink_to("/sys/class/net")
    space = f"rw-{uuid.uuid4().hex[:8]}"
    inside = ("ip", "netns", "exec", space)
    subprocess.run(["ip", "netns", "add", space], check=True)
    try:
        pair = ("ip", "link", "add", "rw-a", "type", "veth", "peer", "name", "rw-b")
        for command in (
            pair,
            ("ip", "link", "set", "rw-a", "up"),
            ("ip", "link", "set", "rw-b", "up"),
        ):
            subprocess.run([*inside, *command], check=True)
        done = subprocess.run(
            [*inside, sys.executable, "-c", SCRIPT, str(tree)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        yield json.loads(done.stdout)
    finally:
        subprocess.run(["ip", "netns", "del", space], check=True)


@pytest.mark.netns
def test_a_veth_has_statistics_by_names_of_its_own(told: dict[str, Any]) -> None:
    assert "peer_ifindex" in told["names"]
    assert any(name.startswith("rx_queue_0_") for name in told["names"])


@pytest.mark.netns
def test_changes_of_its_carrier_are_heard_also_between_two_readings(told: dict[str, Any]) -> None:
    events = ("railwatch_rdma_port_carrier_events_total", "rxe0", "1")

    assert [*events, "down", 0] in told["first"]["samples"]
    assert [*events, "down", 2] in told["second"]["samples"]
    assert [*events, "up", 2] in told["second"]["samples"]


@pytest.mark.netns
def test_what_a_veth_does_not_have_is_absent(told: dict[str, Any]) -> None:
    assert told["modules"] == {"samples": [], "problems": []}
    for reading in ("first", "second"):
        assert told[reading]["problems"] == []
        assert {name for name, *_ in told[reading]["samples"]} == {
            "railwatch_rdma_port_carrier_events_total"
        }


@pytest.mark.netns
def test_an_interface_that_is_taken_away_is_absent(told: dict[str, Any]) -> None:
    assert told["last"] == {"samples": [], "problems": []}


class Devices:
    """What a reader of sysfs would know."""

    def __init__(self, *, settled: bool = True, avoided: tuple[str, ...] = ()) -> None:
        self.settled = settled
        self._avoided = avoided
        self.heard: list[Cycle] = []

    def overhear(self, cycle: Cycle, _now: Moment) -> None:
        self.heard.append(cycle)

    def avoided(self) -> tuple[str, ...]:
        return self._avoided


def family(devices: Devices | None = None) -> EthtoolFamily:
    settings = Settings(facilities=frozenset({"rdma_ethtool.roce", "rdma_ethtool.modules"}))
    return EthtoolFamily(settings, 0.0, devices)


def listed(*devices: str) -> Outcome:
    state = State.OK if devices else State.ABSENT
    notes = tuple(Note("device", name) for name in devices)
    return Outcome(facility="devices", state=state, notes=notes)


def said(device: str, value: float = 1, state: State = State.OK) -> Outcome:
    sample = Sample(RDMA_SYMBOL_ERRORS, (device, "1"), value)
    return outcome("roce", sample, notes={"device": device}, state=state)


def standing(of: EthtoolFamily, seconds: float) -> Standing:
    return next(s for s in of.standings(at(seconds)) if s.facility == "roce")


def test_modules_are_read_once_a_minute_by_a_worker_that_does_not_stay() -> None:
    roce, modules = family().rounds

    assert (roce.post.pace.period, modules.post.pace.period) == (5, 60)
    assert Turn.of(modules.post.target()) == Turn(facility="modules")


def test_what_was_read_of_each_device_is_told_and_heard() -> None:
    devices = Devices()
    made = family(devices)
    assert standing(made, 0).state is State.STARTING

    cycle = Cycle(outcomes=(listed("a", "b"), said("a", 1), said("b", 2)), end=End.OK)
    made.rounds[0].fold(cycle, at(1))

    assert [(s.labels[0], s.value) for s in made.samples(at(1))] == [("a", 1), ("b", 2)]
    assert standing(made, 1).state is State.OK
    assert devices.heard == [cycle]
    assert not made.settled
    made.rounds[1].fold(Cycle(outcomes=(listed(),), end=End.OK), at(1))
    assert made.settled


def test_nothing_is_asked_before_it_is_known_what_to_leave_alone() -> None:
    devices = Devices(settled=False, avoided=("b",))
    (post, _) = family(devices).posts
    before = post.step(at(1))

    devices.settled = True

    assert before is None
    assert post.step(at(2)) is Action.START
    assert Turn.of(post.target()).without == ("b",)


def test_a_worker_ends_when_other_devices_are_to_be_left_alone_and_the_next_is_told() -> None:
    devices = Devices(avoided=("b",))
    (post, _) = family(devices).posts
    post.step(at(1))
    post.target()
    post.received(attached(), at(1))

    devices._avoided = ()
    ending = post.step(at(2))
    post.ended("SIGTERM", at(2))
    again = post.step(at(2))

    assert ending is Action.TERMINATE
    assert again is Action.START
    assert Turn.of(post.target()).without == ()
    assert post.step(at(3)) is None


def test_a_device_at_which_the_worker_hung_is_read_last() -> None:
    made = family()
    round_ = made.rounds[0]
    round_.fold(Cycle(outcomes=(listed("a", "b", "c"), *map(said, "abc")), end=End.OK), at(1))

    round_.fold(Cycle(outcomes=(listed("a", "b", "c"), said("a")), end=End.HUNG), at(11))
    after = Turn.of(round_.post.target())
    hung = standing(made, 11)
    round_.fold(Cycle(outcomes=(listed("a", "b", "c"), said("a"), said("c")), end=End.HUNG), at(14))

    assert after.order(["a", "b", "c"]) == ["a", "c", "b"]
    assert (hung.state, hung.problem) == (State.HUNG, "no answer from b")
    assert {s.labels[0] for s in made.samples(at(17))} == {"a", "c"}
    assert Turn.of(round_.post.target()).last == ("b",)


def test_where_every_call_hangs_the_devices_take_turns_to_be_last() -> None:
    made = family()
    round_ = made.rounds[0]

    for seconds in (1, 2, 3, 4):
        round_.fold(Cycle(outcomes=(listed("a", "b", "c"),), end=End.HUNG), at(seconds))

    assert Turn.of(round_.post.target()).last == ("b", "c", "a")
    assert not list(made.samples(at(4)))


def test_devices_that_cannot_be_listed_and_none_at_all() -> None:
    made = family()
    failed = outcome("devices", state=State.FAILED, problem="/sys: input/output error")

    made.rounds[0].fold(Cycle(outcomes=(failed,), end=End.OK), at(1))
    unlisted = standing(made, 1)
    made.rounds[0].fold(Cycle(outcomes=(listed(),), end=End.OK), at(2))

    assert (unlisted.state, unlisted.problem) == (State.FAILED, "/sys: input/output error")
    assert standing(made, 2).state is State.ABSENT


def test_a_worker_that_did_not_even_list_the_devices() -> None:
    made = family()

    made.rounds[0].fold(Cycle(outcomes=(), end=End.HUNG, problem="no answer"), at(1))

    assert standing(made, 1).state is State.HUNG
    assert made.rounds[0].told


def test_one_failed_device_is_seen_and_the_others_are_read() -> None:
    made = family()
    cycle = Cycle(outcomes=(listed("a", "b"), said("a", state=State.FAILED), said("b")), end=End.OK)

    made.rounds[0].fold(cycle, at(1))

    assert standing(made, 1).state is State.FAILED
    assert set(by_device(cycle)) == {"a", "b"}
    assert len(list(made.samples(at(1)))) == 2
