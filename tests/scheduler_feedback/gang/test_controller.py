"""What the gang controller does with pods that it has let go."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from scheduler_feedback.errors import NotFound
from scheduler_feedback.gang.controller import Controller, Policy
from scheduler_feedback.gang.pods import Member
from scheduler_feedback.gang.stores import Hosts, Pods
from tests.scheduler_feedback.fakes import Prompt

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()
HOUR, MOMENT = 3600.0, 200.0


class FakeCluster:
    """Takes note of what is deleted and let go."""

    def __init__(self, *gone: str) -> None:
        self.gone = gone
        self.counted: list[str] = []
        self.deleted: set[str] = set()
        self.placed: dict[str, str] = {}

    def let_go(self, member: Member, hostname: str, placed: str, prefix: str) -> None:
        assert placed
        assert prefix == "railwatch.io"
        self.placed[member.name] = hostname

    def open_gate(self, member: Member) -> None:
        raise AssertionError(member)

    def delete_pod(self, namespace: str, name: str, uid: str) -> None:
        assert (namespace, uid) == ("default", name)
        if name in self.gone:
            raise NotFound(name)
        self.deleted.add(name)

    def job(self, namespace: str, name: str) -> Mapping[str, Any]:
        raise AssertionError((namespace, name))

    def post_event(self, namespace: str, event: Mapping[str, Any]) -> Mapping[str, Any]:
        assert event["involvedObject"]["namespace"] == namespace
        return event

    def patch_event(self, namespace: str, name: str, change: Mapping[str, Any]) -> None:
        raise AssertionError((namespace, name, change))


def rank(name: str, ago: float | None, node: str = "", size: int = 3) -> dict[str, Any]:
    """A rank that was let go so long ago, on a node or stuck; None: it waits."""
    at = "" if ago is None else datetime.fromtimestamp(NOW - ago, UTC).isoformat()
    notes = {"railwatch.io/gang-size": str(size)}
    gates = [] if at else [{"name": "railwatch.io/gang"}]
    owner = {"kind": "ReplicaSet", "name": "train", "uid": "1", "controller": True}
    return {
        "metadata": {
            "namespace": "default",
            "name": name,
            "uid": name,
            "creationTimestamp": "2026-11-22T00:00:00Z",
            "labels": {"railwatch.io/gang": "train"},
            "annotations": notes | ({"railwatch.io/gang-placed": at} if at else {}),
            "ownerReferences": [owner],
        },
        "spec": {
            "nodeName": node,
            "schedulingGates": gates,
            "nodeSelector": {"kubernetes.io/hostname": node or "n0"} if at else {},
            "containers": [{"resources": {"requests": {"nvidia.com/gpu": "8"}}}],
        },
    }


def node(name: str, leaf: str) -> dict[str, Any]:
    labels = {"kubernetes.io/hostname": name, "topology.railwatch.io/tier-0": leaf}
    return {
        "metadata": {"name": name, "labels": labels},
        "status": {"allocatable": {"nvidia.com/gpu": "8", "pods": "110"}},
    }


def after_a_cycle(
    nodes: list[dict[str, Any]], *pods: dict[str, Any], gone: tuple[str, ...] = ()
) -> FakeCluster:
    cluster, hosts, known = FakeCluster(*gone), Hosts(60), Pods(60)
    hosts.replace(nodes)
    known.replace(pods)
    controller = Controller(
        cluster,
        hosts,
        known,
        owners=cluster,
        announcer=Prompt(cluster),
        leading=lambda: True,
        policy=Policy(bind_within=120.0),
        counted=cluster.counted.append,
        clock=lambda: NOW,
    )
    with ThreadPoolExecutor(1) as writers:
        controller.cycle(writers)
    return cluster


def test_ranks_let_go_with_the_stuck_one_are_rolled_back_with_it() -> None:
    cluster = after_a_cycle([], rank("a-0", MOMENT, "n1"), rank("a-1", MOMENT), rank("a-2", MOMENT))

    assert cluster.deleted == {"a-0", "a-1", "a-2"}


def test_a_rank_that_was_deleted_before_the_watch_shows_it_is_no_failure() -> None:
    stuck = [rank(f"a-{n}", MOMENT) for n in range(3)]

    cluster = after_a_cycle([], *stuck, gone=("a-1",))

    assert cluster.deleted == {"a-0", "a-2"}
    assert cluster.counted == ["rolled_back", "rolled_back"]


def test_ranks_that_ran_before_the_stuck_one_was_let_go_stay() -> None:
    ran = [rank("a-0", HOUR, "n1"), rank("a-1", HOUR, "n2")]

    assert after_a_cycle([], *ran, rank("a-2", MOMENT)).deleted == {"a-2"}


def test_ranks_of_a_gang_that_grows_in_vain_are_taken_back_and_no_others() -> None:
    ran = [rank("a-0", HOUR, "n1", size=4), rank("a-1", HOUR, "n2", size=2)]
    new = [rank("a-2", MOMENT, "n3", size=4), rank("a-3", MOMENT, size=4)]

    assert after_a_cycle([], *ran, *new).deleted == {"a-2", "a-3"}


def test_a_gang_that_asked_for_no_topology_still_gets_a_lost_rank_back_nearby() -> None:
    nodes = [node(name, leaf) for name, leaf in (("a", "x"), ("b", "y"), ("c", "y"), ("d", "x"))]
    ran = [rank("a-0", HOUR, "b", size=2)]

    cluster = after_a_cycle(nodes, *ran, rank("a-1", None, size=2))

    assert cluster.placed == {"a-1": "c"}
    assert cluster.deleted == set()
