"""How long each hop of a fault's way takes, by a clock that is given."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from health_bridge.decision.nodes import Node
from health_bridge.decision.policy import Policy
from health_bridge.latency import Stopwatch, quantile
from health_bridge.moment import Moment
from tests.health_bridge.worlds import NOW, link_down, lost_gpu, node, policy, run, sight


class Clock:
    """Unix seconds that stand until they are moved."""

    def __init__(self) -> None:
        self.now = float(NOW)

    def __call__(self) -> float:
        return self.now


class Nodes:
    """Takes each write, and half a second for it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def node(self, name: str) -> Node:
        return node(name)

    def patch_node(self, name: str, patch: Mapping[str, Any]) -> Node:
        self._clock.now += 0.5
        return node(name, version=str(len(patch)))

    patch_status = patch_node


class Watched:
    """A stopwatch, and what it has told."""

    def __init__(self, *, started: float = NOW - 1000) -> None:
        self.clock = Clock()
        self.told: defaultdict[str, list[float]] = defaultdict(list)
        self.watch = Stopwatch(
            Nodes(self.clock),
            lambda hop, seconds: self.told[hop].append(seconds),
            started=started,
            clock=self.clock,
        )

    def cycle(self, nodes: list[Node], *findings: Any, under: Policy | None = None) -> None:
        """See, a second later decide, then write the first node."""
        self.watch.saw()
        seen = sight(*findings, nodes=[each.name for each in nodes])
        decision = Moment(nodes=nodes, sight=seen, policy=under or policy()).decide()
        self.clock.now += 1
        self.watch.decided(decision)
        self.watch.patch_node("a", {})
        self.watch.patch_status("a", {})


def test_each_hop_is_timed_from_the_one_before_it_and_the_whole_from_the_alert() -> None:
    watched = Watched()

    watched.cycle([node("a"), node("b")], lost_gpu("a", since=NOW - 60))

    assert watched.told == {
        "seen": [60.0],
        "decided": [1.0],
        "taint": [0.5],
        "condition": [1.0],
        "total": [62.0],
    }


def test_a_fault_that_taints_nothing_is_whole_with_its_condition() -> None:
    watched = Watched()

    watched.cycle([node("a")], lost_gpu("a", since=NOW - 60), under=policy(paused=True))

    assert "taint" not in watched.told
    assert watched.told["total"] == [62.0]


def test_a_fault_that_is_known_is_not_timed_again() -> None:
    nodes = run([node("a")], sight(lost_gpu("a"), nodes=["a"]))
    watched = Watched()

    watched.cycle(nodes, lost_gpu("a"), link_down("a", since=NOW - 5))

    assert watched.told["seen"] == [5.0]


def test_what_began_before_this_replica_did_is_not_timed() -> None:
    watched = Watched(started=NOW - 10)

    watched.cycle([node("a")], lost_gpu("a", since=NOW - 60))

    assert watched.told == {}


def test_a_write_that_carries_no_new_fault_is_not_timed() -> None:
    watched = Watched()

    watched.cycle([node("a"), node("b")], lost_gpu("b", since=NOW - 60))

    assert watched.told == {}


def test_a_quantile_is_the_bound_of_its_bucket() -> None:
    buckets = [(0.1, 5.0), (1.0, 9.0), (float("inf"), 10.0)]

    assert quantile(buckets, 0.5) == 0.1
    assert quantile(buckets, 0.9) == 1.0
    assert quantile(buckets, 0.99) == float("inf")
    assert quantile([(0.1, 0.0)], 0.5) is None
    assert quantile([], 0.5) is None
