"""Carrying drain plans out, on a cluster that refuses in every way."""

from typing import Any

import pytest

from scheduler_feedback.cache import NodeCache
from scheduler_feedback.errors import (
    Conflict,
    Forbidden,
    KubeError,
    NotFound,
    ServerError,
    TooManyRequests,
    Unreachable,
)
from scheduler_feedback.evict import Drainer
from scheduler_feedback.metrics import Metrics
from tests.scheduler_feedback.fakes import Clock, FakeCluster, Prompt
from tests.scheduler_feedback.objects import budget, drained_node, node, pod


class Site:
    """A drainer over a fake cluster; `leads` says whether it may act."""

    def __init__(self, *pods: dict[str, Any], rate: float = 10.0) -> None:
        self.clock = Clock()
        self.cluster = FakeCluster(nodes={"gpu-1": drained_node()}, pods={"gpu-1": list(pods)})
        self.cache = NodeCache(stale_after=60, clock=self.clock)
        self.cache.put(drained_node())
        self.metrics = Metrics(self.cache)
        self.leads = True
        self.drainer = Drainer(
            self.cluster,
            self.cache,
            fleet=lambda: None,
            leading=lambda: self.leads,
            announcer=Prompt(self.cluster, self.clock),
            metrics=self.metrics,
            rate=rate,
            clock=self.clock,
        )

    def pods_by_state(self) -> dict[str, int]:
        assert self.metrics.census is not None
        return dict(self.metrics.census.pods)

    def nodes_by_state(self) -> dict[str, int]:
        assert self.metrics.census is not None
        return dict(self.metrics.census.nodes)

    def evictions(self, result: str) -> float | None:
        return self.metrics._registry.get_sample_value(
            "railwatch_scheduler_evictions_total", {"result": result}
        )


def test_pods_are_evicted_and_it_is_said_once() -> None:
    site = Site(pod("rank-0"))

    site.drainer.round()
    site.cluster.pods["gpu-1"] = [pod("rank-0", terminating=True)]
    site.drainer.round()
    site.cluster.pods["gpu-1"] = []
    site.drainer.round()
    site.drainer.round()

    assert site.cluster.evicted == ["rank-0"]
    assert [(reason, name) for reason, name, _ in site.cluster.events] == [
        ("Draining", "gpu-1"),
        ("Evicted", "rank-0"),
        ("Drained", "gpu-1"),
    ]
    assert site.nodes_by_state() == {"drained": 1}


def test_a_drained_node_is_left_in_peace_for_a_while() -> None:
    site = Site()
    site.drainer.round()
    reads = site.cluster.reads

    site.clock.now += 59
    site.drainer.round()
    assert site.cluster.reads == reads
    site.clock.now += 2
    site.drainer.round()
    assert site.cluster.reads == reads + 1


def test_a_taint_taken_away_meanwhile_stops_the_drain_before_the_watch_knows() -> None:
    site = Site(pod("rank-0"))
    site.cluster.nodes["gpu-1"] = node("gpu-1")

    site.drainer.round()

    assert site.cluster.evicted == []


def test_a_node_that_is_gone_is_no_trouble() -> None:
    site = Site(pod("rank-0"))
    site.cluster.nodes.clear()

    site.drainer.round()

    assert site.cluster.evicted == []


def test_hands_off_means_hands_off() -> None:
    site = Site(pod("rank-0"))
    unmanaged = drained_node()
    unmanaged["metadata"]["labels"] = {"railwatch.io/managed": "false"}
    site.cluster.nodes["gpu-1"] = unmanaged
    site.drainer.round()
    site.cache.put(unmanaged)
    site.drainer.round()

    assert site.cluster.evicted == []
    assert site.nodes_by_state() == {"unmanaged": 1}


def test_who_does_not_lead_evicts_nobody() -> None:
    site = Site(pod("a"), pod("b"))
    site.leads = False

    site.drainer.round()

    assert site.cluster.evicted == []


def test_leadership_lost_half_way_ends_the_round_there() -> None:
    site = Site(pod("a"), pod("b"))
    evict = site.cluster.evict

    def evict_and_lose(namespace: str, name: str, uid: str) -> None:
        evict(namespace, name, uid)
        site.leads = False

    site.cluster.evict = evict_and_lose  # type: ignore[method-assign] # this once
    site.drainer.round()

    assert site.cluster.evicted == ["a"]


def test_a_refused_eviction_is_tried_again_later_and_ever_later() -> None:
    site = Site(pod("rank-0"))
    site.cluster.refuses["rank-0"] = TooManyRequests("Cannot evict pod")
    tried = []

    for _ in range(400):
        before = site.evictions("blocked")
        site.drainer.round()
        if site.evictions("blocked") != before:
            tried.append(site.clock.now - 1000)
        site.clock.now += 0.5

    assert tried == [0, 2, 6, 14, 30, 62, 122, 182]
    assert site.pods_by_state() == {"backoff": 1}
    blocked = [event for event in site.cluster.events if event[0] == "DrainBlocked"]
    assert len(blocked) == 1
    assert "Cannot evict pod" in blocked[0][2]

    site.cluster.refuses.clear()
    site.clock.now += 60
    site.drainer.round()
    assert site.cluster.evicted == ["rank-0"]


def test_the_servers_own_wish_to_wait_is_granted() -> None:
    site = Site(pod("rank-0"))
    site.cluster.refuses["rank-0"] = TooManyRequests("later", retry_after=30)
    site.drainer.round()

    site.clock.now += 29
    site.drainer.round()
    assert site.evictions("blocked") == 1
    site.clock.now += 1
    site.drainer.round()
    assert site.evictions("blocked") == 2


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (NotFound("gone"), "gone"),
        (Conflict("another uid"), "gone"),
        (Forbidden("no"), "refused"),
        (ServerError("two budgets"), "failed"),
    ],
)
def test_one_pods_refusal_does_not_keep_the_next_one(error: KubeError, result: str) -> None:
    site = Site(pod("a"), pod("b"))
    site.cluster.refuses["a"] = error

    site.drainer.round()

    assert site.cluster.evicted == ["b"]
    assert site.evictions(result) == 1


def test_a_server_that_went_away_ends_the_round() -> None:
    site = Site(pod("a"), pod("b"))
    site.cluster.refuses["a"] = Unreachable("down")

    with pytest.raises(Unreachable):
        site.drainer.round()

    assert site.cluster.evicted == []


def test_evictions_keep_to_the_rate() -> None:
    site = Site(*(pod(f"rank-{i}") for i in range(8)), rate=2)
    evicted = []

    for _ in range(4):
        site.drainer.round()
        evicted.append(len(site.cluster.evicted))
        gone = set(site.cluster.evicted)
        site.cluster.pods["gpu-1"] = [
            p for p in site.cluster.pods["gpu-1"] if p["metadata"]["name"] not in gone
        ]
        site.clock.now += 0.5

    assert evicted == [2, 3, 4, 5]


def test_a_budget_that_holds_is_named_in_an_event_said_once_in_ten_minutes() -> None:
    site = Site(pod("rank-0"))
    site.cluster.pdbs = [budget("quorum", selector={})]
    why = "PodDisruptionBudget default/quorum allows no eviction now"

    for _ in range(120):
        site.drainer.round()
        site.clock.now += 5

    blocked = [event for event in site.cluster.events if event[0] == "DrainBlocked"]
    assert [(name, message) for _, name, message in blocked] == [
        ("rank-0", f"not evicted from node gpu-1: GpuUnavailable: {why}")
    ]
    assert site.pods_by_state() == {"budget": 1}
    assert site.evictions("blocked") == 0


def test_events_are_few_also_where_very_many_pods_are_held() -> None:
    site = Site(*(pod(f"bare-{i}", owner="") for i in range(500)))

    site.drainer.round()
    first = len(site.cluster.events)
    site.clock.now += 10
    site.drainer.round()

    assert first == 50
    assert len(site.cluster.events) == 100
