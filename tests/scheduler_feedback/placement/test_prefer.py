"""Which of several equally healthy nodes a pod is sent to, as kube-scheduler is told."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler_feedback.cache import NodeCache
from scheduler_feedback.extender import Extender
from scheduler_feedback.metrics import Metrics
from scheduler_feedback.placement.desk import Desk
from scheduler_feedback.placement.prefer import Namespaces
from scheduler_feedback.placement.roster import Roster
from scheduler_feedback.placement.stock import Stock
from scheduler_feedback.share.assignment import Part
from scheduler_feedback.share.names import Names
from tests.budget import examples
from tests.scheduler_feedback.fakes import Clock
from tests.scheduler_feedback.objects import drained_node, fault, node, request
from tests.scheduler_feedback.share.world import sharing_node, sharing_pod

NAMES = Names()


class Site:
    """An extender that knows of nodes and pods."""

    def __init__(self, *, policy: str = "none", pools: tuple[str, ...] = ()) -> None:
        self.clock = Clock()
        roster = Roster(NAMES, pool_label="pool", pools=pools)
        self.nodes = NodeCache(stale_after=60, clock=self.clock, roster=roster)
        self.stock = Stock(roster, NAMES, stale_after=60, clock=self.clock)
        self.namespaces = Namespaces()
        self.desk = Desk(self.stock, self.namespaces, NAMES, policy=policy)
        self.extender = Extender(self.nodes, Metrics(self.nodes), desk=self.desk)
        self.stock.replace([])

    def ask(self, verb: str, pod: dict[str, Any], *names: str) -> Any:
        asked = {"Pod": pod, "Nodes": None, "NodeNames": names}
        body = json.dumps(asked, separators=(",", ":")).encode()
        answer = getattr(self.extender, verb)(request(body))
        assert answer.status == 200
        return json.loads(answer.body)

    def scores(self, pod: dict[str, Any], *names: str) -> dict[str, int]:
        ranked = self.ask("prioritize", pod, *names)
        assert len(ranked) == len(names)
        return {entry["Host"]: entry["Score"] for entry in ranked}


def gpu_node(name: str, gpus: int = 8, tiers: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    labels = {f"topology.railwatch.io/tier-{n}": tier for n, tier in enumerate(tiers)}
    made = node(name, labels={**labels, **more.pop("labels", {})}, **more)
    made["status"]["allocatable"] = {"nvidia.com/gpu": str(gpus), "cpu": "64", "memory": "512Gi"}
    return made


def gpu_pod(name: str = "p", gpus: int = 1, on: str = "", gang: str = "", policy: str = "") -> Any:
    meta: dict[str, Any] = {"name": name, "namespace": "ml", "uid": f"uid-{name}"}
    meta["labels"] = {"railwatch.io/gang": gang} if gang else {}
    meta["annotations"] = {"railwatch.io/placement-policy": policy} if policy else {}
    limits = {"limits": {"nvidia.com/gpu": str(gpus)}}
    spec: dict[str, Any] = {"containers": [{"resources": limits}]}
    if on:
        spec["nodeName"] = on
    return {"metadata": meta, "spec": spec, "status": {"phase": "Running" if on else "Pending"}}


def test_the_first_pool_with_a_node_left_is_preferred() -> None:
    site = Site(pools=("own", "leased"))
    pools = {"a": "leased", "b": "own", "c": "on-demand"}
    site.nodes.replace([gpu_node(n, labels={"pool": pool}) for n, pool in pools.items()])

    assert site.scores(gpu_pod(), "a", "b", "c") == {"a": 9, "b": 10, "c": 9}
    assert site.scores(gpu_pod(), "a", "c") == {"a": 10, "c": 9}


def test_a_rank_goes_near_its_gang() -> None:
    site = Site()
    places = {"a": ("r1", "s1"), "b": ("r2", "s1"), "c": ("r3", "s2"), "d": ("r1", "s1")}
    site.nodes.replace([gpu_node(name, tiers=tiers) for name, tiers in places.items()])
    site.stock.put(gpu_pod("first", on="a", gang="g"))

    assert site.scores(gpu_pod(gang="g"), "b", "c", "d") == {"b": 9, "c": 9, "d": 10}
    assert site.scores(gpu_pod(gang="g"), "b", "c") == {"b": 10, "c": 9}
    assert site.scores(gpu_pod(gang="other"), "b", "c") == {"b": 10, "c": 10}


@pytest.mark.parametrize(
    ("policy", "best"), [("binpack", "used"), ("spread", "idle"), ("fragmentation", "used")]
)
def test_a_policy_chooses_by_what_is_taken(policy: str, best: str) -> None:
    site = Site(policy=policy)
    site.nodes.replace([gpu_node("used"), gpu_node("idle")])
    site.stock.put(gpu_pod("there", gpus=4, on="used"))

    assert site.scores(gpu_pod(gpus=4), "used", "idle")[best] == 10
    assert sum(site.scores(gpu_pod(gpus=4), "used", "idle").values()) == 19


def test_the_pods_own_policy_comes_before_its_namespaces() -> None:
    site = Site()
    site.nodes.replace([gpu_node("used"), gpu_node("idle")])
    site.stock.put(gpu_pod("there", gpus=4, on="used"))
    notes = {"railwatch.io/placement-policy": "spread"}
    site.namespaces.put({"metadata": {"name": "ml", "annotations": notes}})

    assert site.scores(gpu_pod(), "used", "idle") == {"used": 9, "idle": 10}
    assert site.scores(gpu_pod(policy="binpack"), "used", "idle") == {"used": 10, "idle": 9}
    assert site.scores(gpu_pod(policy="nonsense"), "used", "idle") == {"used": 9, "idle": 10}


def test_no_wish_lifts_a_degraded_node_above_a_clean_one() -> None:
    site = Site(policy="binpack", pools=("own",))
    worn = gpu_node("worn", labels={"pool": "own"}, faults=[fault("avoid", "applied")])
    site.nodes.replace([worn, gpu_node("clean"), gpu_node("other", gpus=16)])

    scores = site.scores(gpu_pod(), "worn", "clean", "other")

    assert scores == {"worn": 7, "clean": 10, "other": 9}


def test_what_has_ended_or_gone_is_free_again() -> None:
    site = Site(policy="binpack")
    site.nodes.replace([gpu_node("a"), gpu_node("b")])
    site.stock.put(gpu_pod("there", gpus=4, on="a"))
    assert site.scores(gpu_pod(), "a", "b") == {"a": 10, "b": 9}

    site.stock.drop(gpu_pod("there", gpus=4, on="a"))

    assert site.scores(gpu_pod(), "a", "b") == {"a": 10, "b": 10}


def test_without_word_of_the_pods_health_alone_counts() -> None:
    site = Site(policy="binpack")
    site.nodes.replace([gpu_node("a"), gpu_node("b")])
    site.stock.put(gpu_pod("there", on="a"))
    site.clock.now += 61
    site.nodes.vouch()

    assert site.scores(gpu_pod(), "a", "b") == {"a": 10, "b": 10}


def test_a_node_without_room_for_the_share_fails_and_preemption_may_free_it() -> None:
    site = Site()
    site.nodes.replace([sharing_node(gpus=1, name="full"), sharing_node(gpus=1, name="free")])
    taken = sharing_pod("there", 600)
    site.stock.assume(taken, "full", (Part(gpu=0, milli=600, memory=0),))

    answer = site.ask("filter", sharing_pod("p", 600), "full", "free")

    assert answer["NodeNames"] == ["free"]
    assert answer["FailedNodes"] == {"full": "railwatch: no GPU has room for the share"}
    asked = {
        "Pod": sharing_pod("p", 600),
        "NodeNameToMetaVictims": {"full": {"Pods": [{"UID": "uid-there"}]}, "free": {"Pods": []}},
    }
    left = site.extender.preempt(request(json.dumps(asked).encode()))
    assert set(json.loads(left.body)["NodeNameToMetaVictims"]) == {"full", "free"}
    asked["NodeNameToMetaVictims"]["full"] = {"Pods": [{"UID": "uid-other"}]}
    left = site.extender.preempt(request(json.dumps(asked).encode()))
    assert set(json.loads(left.body)["NodeNameToMetaVictims"]) == {"free"}


def test_what_was_assumed_and_never_shown_is_free_after_a_while() -> None:
    site = Site()
    site.nodes.replace([sharing_node(gpus=1, name="full")])
    site.stock.assume(sharing_pod("there", 600), "full", (Part(gpu=0, milli=600, memory=0),))
    assert site.ask("filter", sharing_pod("p", 600), "full")["NodeNames"] == []

    site.clock.now += 31
    site.nodes.vouch()
    site.stock.vouch()

    assert site.ask("filter", sharing_pod("p", 600), "full")["NodeNames"] == ["full"]


_events = st.lists(
    st.tuples(
        st.sampled_from(["node", "gone", "bad", "pod", "end"]),
        st.integers(min_value=0, max_value=5),
        st.integers(min_value=1, max_value=8),
    ),
    max_size=25,
)


@settings(max_examples=examples(60), deadline=None)
@given(_events)
def test_an_extender_that_followed_answers_as_one_that_starts_now(
    events: list[tuple[str, int, int]],
) -> None:
    site = Site(policy="binpack")
    site.nodes.replace([])
    nodes: dict[str, Any] = {}
    pods: dict[str, Any] = {}
    for what, number, gpus in events:
        follow(site, nodes, pods, (what, number, gpus))
        ask_all(site)
    fresh = Site(policy="binpack")
    fresh.nodes.replace(list(nodes.values()))
    fresh.stock.replace(list(pods.values()))

    assert ask_all(site) == ask_all(fresh)


def ask_all(site: Site) -> Any:
    names = [f"node-number-{n}" for n in range(6)]
    return site.ask("filter", gpu_pod(), *names), site.scores(gpu_pod(), *names)


def follow(site: Site, nodes: Any, pods: Any, event: tuple[str, int, int]) -> None:
    what, number, gpus = event
    name = f"node-number-{number}"
    match what:
        case "node" | "bad":
            made = gpu_node(name, gpus) if what == "node" else drained_node(name)
            nodes[name] = made
            site.nodes.put(made)
        case "gone":
            site.nodes.drop(nodes.pop(name, node(name)))
        case "pod":
            made = gpu_pod(f"pod-{gpus}", on=name)
            pods[made["metadata"]["uid"]] = made
            site.stock.put(made)
        case "end":
            made = gpu_pod(f"pod-{gpus}", on=name)
            pods.pop(made["metadata"]["uid"], None)
            site.stock.drop(made)
