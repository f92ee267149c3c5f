"""The fabric collector with the real tools on simulated fabrics, from 4 HCAs on.

The 1,024 of a large one are in tests/benchmarks. What ibsim cannot make (NDR, aggregation nodes,
external ports, strange states) stands in test_output.py.
"""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from catalog.fabric import METRICS
from exporters import exposition
from exporters.fabric.family import FabricFamily
from exporters.fabric.worker import attach
from exporters.facility import Cycle, End, Outcome, State
from exporters.moment import Moment
from exporters.runtime import Session
from exporters.sample import Sample
from exporters.settings import Settings
from testbed.ibsim import PACKAGES, Fabric, SimulatedFabric, fat_tree, rails
from testbed.tools import ensure
from testbed.waiting import wait_until
from tests.exporters.running import Scrape, exporter, hardware
from tests.packages import needs

pytestmark = needs(*PACKAGES)

ALL = frozenset({"fabric.topology", "fabric.links", "fabric.counters"})
QUICK = Settings(facilities=ALL, fabric_mad_rate=1e6, fabric_timeout=60.0)


class Watch:
    """The family's two sides, one cycle after the other."""

    def __init__(self, settings: Settings = QUICK) -> None:
        self.session = attach(settings, {})
        self.family = FabricFamily(settings, 0.0)
        self.samples: list[Sample] = []
        self.states: dict[str, State] = {}
        self.looks = 0

    def look(self) -> "Watch":
        cycle = Cycle(outcomes=tuple(self.session.cycle()), end=End.OK)
        now = Moment.now()
        self.family._solo.fold(cycle, now)
        self.samples = list(self.family.samples(now))
        self.states = {o.facility: o.state for o in cycle.outcomes}
        self.looks += 1
        return self

    def settled(self) -> "Watch":
        """Look until all was found and every switch answers.

        The subnet manager may be at work on what moved, and a machine that stalls loses packets.
        """

        return self.until("the subnet", self.whole)

    def whole(self) -> bool:
        """Whether the last look found all, and every switch answered."""
        well = set(self.states.values()) == {State.OK}
        return well and self.told("discovery_complete") == [1]

    def until(self, what: str, holds: Callable[[], bool]) -> "Watch":
        """Look until this is so of what was found."""

        def looked() -> bool:
            self.look()
            return holds()

        wait_until(looked, what=what)
        return self

    def all(self, name: str, **labels: str) -> list[tuple[dict[str, str], float]]:
        told = [
            (dict(zip(s.metric.labels, s.labels, strict=True)), s.value)
            for s in self.samples
            if s.metric.name == f"railwatch_fabric_{name}"
        ]
        return [(found, value) for found, value in told if labels.items() <= found.items()]

    def told(self, name: str, **labels: str) -> list[float]:
        return [value for _, value in self.all(name, **labels)]

    def value(self, name: str, **labels: str) -> float:
        (value,) = self.told(name, **labels)
        return value

    def links(self, name: str, **labels: str) -> set[tuple[str, str, str, str]]:
        """Return the links that series name, by both ends."""
        return {
            (found["switch"], found["port"], found["peer"], found["peer_port"])
            for found, _ in self.all(name, **labels)
        }

    @property
    def document(self) -> dict[str, Any]:
        assert self.family.document is not None
        found: dict[str, Any] = json.loads(self.family.document.body)
        return found


def begin(settings: Settings = QUICK) -> Watch:
    """Return a watch whose first look found all: else what came later would be a change."""

    def first() -> Watch | None:
        watch = Watch(settings).look()
        return watch if watch.whole() else None

    return wait_until(first, what="the subnet")


PATH = os.environ["PATH"]
"""Without the tools of any fabric: those of one within another would be tools upon its tools."""


@contextmanager
def running(fabric: Fabric, *, subnet_manager: bool = True) -> Iterator[SimulatedFabric]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", PATH)
        with SimulatedFabric(fabric, subnet_manager=subnet_manager) as simulated:
            for name, value in simulated.environment.items():
                patch.setenv(name, value)
            yield simulated


@pytest.fixture(scope="module")
def fabric() -> Iterator[SimulatedFabric]:
    """Four hosts of four rails under two spines; every test leaves it as it was."""
    with running(rails(hosts=4, indices=4, spines=2)) as simulated:
        yield simulated


def test_a_fabric_is_found_whole(fabric: SimulatedFabric) -> None:
    watch = begin()

    assert set(watch.states.values()) == {State.OK}
    assert watch.value("discovery_complete") == 1
    assert watch.value("nodes", kind="switch") == 6
    assert watch.value("nodes", kind="hca") == 16
    assert watch.value("links") == 16 + 8
    assert {f["switch"] for f, _ in watch.all("switch_info", role="leaf", tier="0")} == {
        f"leaf-0-{index}" for index in range(4)
    }
    assert len(watch.all("switch_info", role="spine", tier="1")) == 2
    ((place, _),) = watch.all("hca_info", host="node-0-2", device="mlx5_1")
    assert (place["leaf"], place["leaf_port"]) == ("leaf-0-1", "3")
    assert watch.value("port_rate_bytes_per_second", switch="leaf-0-1", port="3") == 25e9
    assert watch.value("port_lanes", switch="leaf-0-1", port="3") == 4
    assert watch.value("port_state", switch="leaf-0-1", port="3") == 4
    assert watch.value("port_physical_state", switch="leaf-0-1", port="3") == 5
    assert watch.value("rails_judged", judged="yes") == 16
    assert not watch.all("miscabled")
    assert not watch.all("link_lost")
    assert 100 < watch.value("mads_total") / watch.looks < 2000


def test_the_document_says_what_the_series_say(fabric: SimulatedFabric) -> None:
    document = begin().document

    assert (document["kind"], document["version"], document["complete"]) == ("fabric", 1, True)
    assert len(document["switches"]) == 6
    assert len(document["hcas"]) == 16
    assert len(document["links"]) == 24
    guids = {one["guid"] for one in (*document["switches"], *document["hcas"])}
    assert {guid for one, _, other, _ in document["links"] for guid in (one, other)} <= guids
    assert document["changes"] == document["lost"] == document["miscabled"] == []


def test_the_same_fabric_gives_the_same_document(fabric: SimulatedFabric) -> None:
    watch = begin()
    before = watch.family.document

    after = watch.settled().family.document

    assert before is not None
    assert after is not None
    assert before.tag == after.tag


def test_a_pulled_cable_is_lost_by_both_its_ends_until_it_is_back(fabric: SimulatedFabric) -> None:
    watch, jack = begin(), ("leaf-0-1", 3)

    fabric.unlink(jack)
    watch.until("the loss", lambda: bool(watch.links("link_lost")))

    assert watch.links("link_lost") == {("leaf-0-1", "3", "node-0-2 mlx5_1", "1")}
    assert watch.value("topology_changes_total", change="lost") == 1
    (change,) = watch.document["changes"]
    assert change["change"] == "lost"
    assert {end["name"] for end in change["before"]} == {"leaf-0-1", "node-0-2 mlx5_1"}

    fabric.relink(jack)
    watch.until("its end", lambda: not watch.links("link_lost"))

    assert watch.value("topology_changes_total", change="added") == 1
    assert watch.document["lost"] == []


def test_a_cable_between_switches_is_lost_too(fabric: SimulatedFabric) -> None:
    watch, jack = begin(), ("spine-1", 2)

    fabric.unlink(jack)
    watch.until("the loss", lambda: bool(watch.links("link_lost")))
    fabric.relink(jack)

    assert watch.links("link_lost") == {("leaf-0-1", "6", "spine-1", "2")}


def test_two_crossed_cables_are_moved_and_named_with_the_right_leaves(
    fabric: SimulatedFabric,
) -> None:
    watch = begin()
    one, other = ("node-0-0 mlx5_0", 1), ("node-0-0 mlx5_3", 1)
    home, away = ("leaf-0-0", 1), ("leaf-0-3", 1)

    for jack in (one, other):
        fabric.unlink(jack)
    fabric.link(one, away)
    fabric.link(other, home)
    watch.until("both", lambda: len(watch.all("miscabled")) == 2)

    assert watch.value("topology_changes_total", change="moved") == 2
    assert watch.value("topology_changes_total", change="lost") == 0
    assert {(f["device"], f["leaf"], f["expected_leaf"]) for f, _ in watch.all("miscabled")} == {
        ("mlx5_0", "leaf-0-3", "leaf-0-0"),
        ("mlx5_3", "leaf-0-0", "leaf-0-3"),
    }
    assert len(watch.document["miscabled"]) == 2

    for jack in (one, other):
        fabric.unlink(jack)
    fabric.link(one, home)
    fabric.link(other, away)
    assert not watch.settled().all("miscabled")


def test_rising_errors_make_a_link_bad_by_both_its_ends(fabric: SimulatedFabric) -> None:
    jack, watch = ("spine-0", 3), begin()

    fabric.count(jack, "PortCounters.SymbolErrorCounter", 50)
    fabric.count(jack, "PortCounters.LinkDownedCounter", 1)
    watch.until("the errors", lambda: bool(watch.links("link_bad", reason="errors")))

    bad = {("spine-0", "3", "leaf-0-2", "5")}
    assert watch.links("link_bad", reason="errors") == bad
    assert watch.links("link_bad", reason="flapped") == bad
    assert watch.value("links_bad", reason="errors") == 1
    assert watch.value("port_symbol_error_total", switch="spine-0", port="3") == 50
    watch.until(  # no more of them since
        "their end", lambda: not watch.links("link_bad", reason="errors")
    )


def test_a_counter_at_its_ceiling_says_so_and_nothing_is_cleared(fabric: SimulatedFabric) -> None:
    jack, watch = ("spine-1", 4), Watch()

    fabric.count(jack, "PortCounters.LinkDownedCounter", 300)
    watch.settled().settled()

    assert watch.value("port_link_downed_total", switch="spine-1", port="4") == 255
    saturated = watch.all("counter_saturated", switch="spine-1", port="4")
    assert [found["counter"] for found, _ in saturated] == ["LinkDownedCounter"]


def test_bytes_are_told_in_bytes(fabric: SimulatedFabric) -> None:
    fabric.count(("leaf-0-0", 2), "PortCountersExtended.PortXmitData", 1_000_000_007)

    watch = begin(replace(QUICK, fabric_traffic=True))

    sent = watch.value("port_transmit_bytes_total", switch="leaf-0-0", port="2")
    assert sent >= 4_000_000_028


def test_every_metric_is_told_and_promtool_finds_no_fault(fabric: SimulatedFabric) -> None:
    watch, pulled = begin(replace(QUICK, fabric_traffic=True)), ("leaf-0-1", 3)
    one, other = ("node-0-0 mlx5_0", 1), ("node-0-0 mlx5_3", 1)
    home, away = ("leaf-0-0", 1), ("leaf-0-3", 1)

    fabric.count(("spine-0", 4), "PortCounters.LinkDownedCounter", 300)
    watch.until("the bad link", lambda: bool(watch.all("link_bad")))
    bad = list(watch.samples)
    for jack in (one, other, pulled):
        fabric.unlink(jack)
    fabric.link(one, away)
    fabric.link(other, home)
    watch.until(
        "what is gone", lambda: bool(watch.all("link_lost")) and len(watch.all("miscabled")) == 2
    )
    gone = list(watch.samples)
    for jack in (one, other):
        fabric.unlink(jack)
    fabric.link(one, home)
    fabric.link(other, away)
    fabric.relink(pulled)
    assert not watch.settled().all("miscabled")

    assert {sample.metric for sample in (*bad, *gone)} == set(METRICS)
    for samples in (bad, gone):
        lines = exposition.Writer(METRICS).write(samples)
        assert lines.duplicates == ()
        promtool = str(ensure("promtool")["promtool"])
        text = exposition.text(lines).encode()
        checked = subprocess.run([promtool, "check", "metrics"], input=text, check=False)
        assert checked.returncode == 0


def test_where_packets_get_lost_no_link_is_said_to_be() -> None:
    with running(fat_tree(leaves=2, hosts=2, spines=1)) as simulated:
        watch = begin()

        simulated.lose(("leaf-1", 3), 100)
        watch.until("the loss", lambda: watch.told("discovery_complete") == [0])

        assert watch.value("nodes", kind="hca") < 4
        assert not watch.links("link_lost")
        assert watch.value("topology_changes_total", change="lost") == 0


def test_links_without_a_subnet_manager_are_not_active() -> None:
    with running(fat_tree(leaves=2, hosts=2, spines=1), subnet_manager=False):
        watch, link = Watch(), ("leaf-0", "1", "node-0-0 mlx5_0", "1")

        watch.until("the link", lambda: link in watch.links("link_bad", reason="not_active"))

        assert watch.value("port_state", switch="leaf-0", port="1") == 2


def test_links_of_one_lane_or_of_an_old_speed_are_slow() -> None:
    plan = fat_tree(leaves=2, hosts=2, spines=1)
    for hca, words in (("node-1-0 mlx5_0", "w=1 s=4 e=4"), ("node-0-1 mlx5_0", "w=2 s=1 e=1")):
        for end in ((hca, 1), plan.peers[hca, 1]):
            plan = plan.tuned(end, words)
    with running(plan):
        watch = begin()

        assert watch.links("link_bad", reason="slow") == {
            ("leaf-1", "1", "node-1-0 mlx5_0", "1"),
            ("leaf-0", "2", "node-0-1 mlx5_0", "1"),
        }
        assert watch.value("port_lanes", switch="leaf-1", port="1") == 1
        assert watch.value("port_rate_bytes_per_second", switch="leaf-0", port="2") == 7e9


def test_a_cap_that_leaves_no_time_is_said_with_its_remedy(fabric: SimulatedFabric) -> None:
    frugal = Settings(facilities=ALL, fabric_mad_rate=10.0, fabric_interval=5.0)

    def look() -> tuple[Session, dict[str, Outcome]] | None:
        session = attach(frugal, {})
        found = {outcome.facility: outcome for outcome in session.cycle()}
        return (session, found) if found["topology"].state is State.OK else None

    session, outcomes = wait_until(look, what="a discovery")
    again = {outcome.facility: outcome for outcome in session.cycle()}

    assert outcomes["topology"].state is again["topology"].state is State.OK
    assert outcomes["counters"].state is State.FAILED
    assert "raise --fabric.mad-rate or --fabric.interval" in outcomes["counters"].problem
    assert [note.value for note in again["topology"].notes if note.name == "mads"] == [0]


def test_the_program_serves_the_fabric(fabric: SimulatedFabric) -> None:
    flags = ("--collector.fabric", "--no-collector.gpu", "--no-collector.rdma", "--fabric.mad-rate")

    def found(scrape: Scrape) -> None:
        assert scrape.value("railwatch_fabric_links") == 24
        assert scrape.collector_state("fabric", "counters") == "ok"
        assert scrape.value("railwatch_fabric_discovery_complete") == 1

    with hardware(gpus=1, ports=0) as on, exporter(on, *flags, "100000") as program:
        program.await_true(found)

        assert json.loads(program.get("/fabric").body)["kind"] == "fabric"


def test_the_program_says_that_the_tools_are_missing(tmp_path: Any) -> None:
    flags = ("--collector.fabric", "--no-collector.gpu", "--no-collector.rdma")
    with pytest.MonkeyPatch.context() as patch, hardware(gpus=1, ports=0) as on:
        patch.setenv("PATH", str(tmp_path))
        with exporter(on, *flags) as program:
            program.await_readiness("fabric/topology: failed (ibnetdiscover: is not installed")

            assert program.get("/fabric").status == 503
