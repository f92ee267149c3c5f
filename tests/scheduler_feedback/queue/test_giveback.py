"""How gangs give back what they borrowed: whole, once all of it may go."""

from collections.abc import Sequence
from typing import Any

import pytest

from scheduler_feedback.announce import Announcer
from scheduler_feedback.errors import Forbidden, KubeError, NotFound, TooManyRequests, Unreachable
from scheduler_feedback.gang.model import Gang, Rank
from scheduler_feedback.queue.giveback import GiveBack
from scheduler_feedback.queue.reclaim import Reclaim
from tests.scheduler_feedback.fakes import Clock, FakeCluster
from tests.scheduler_feedback.objects import budget, pod

GPU = "nvidia.com/gpu"


def gang(name: str, *, at: str = "gpu-1", size: int = 2) -> Gang:
    ranks = tuple(
        Rank(
            name=f"{name}-{n}",
            uid=f"uid-default-{name}-{n}",
            index=n,
            request={GPU: 8},
            node=at,
        )
        for n in range(size)
    )
    return Gang(namespace="default", name=name, size=size, least=size, ranks=ranks)


def pods(name: str, size: int = 2, **more: Any) -> list[dict[str, Any]]:
    return [pod(f"{name}-{n}", labels={"app": name}, **more) for n in range(size)]


class Scene:
    """A cluster with gangs that are to leave."""

    def __init__(self, *found: Sequence[dict[str, Any]]) -> None:
        self.clock = Clock()
        self.cluster = FakeCluster(pods={"gpu-1": [each for part in found for each in part]})
        self.counted: list[str] = []
        self.leads = True
        self.giving = GiveBack(
            self.cluster,
            Announcer(self.cluster),
            leading=lambda: self.leads,
            counted=self.counted.append,
            clock=self.clock,
        )

    def act(self, *names: str) -> None:
        leaving = tuple(gang(name) for name in names)
        self.giving.act(Reclaim(gang=gang("train", at=""), resources=(GPU,), leaving=leaving))

    def said(self, reason: str) -> list[str]:
        return [message for what, _, message in self.cluster.events if what == reason]

    def kept(self, *names: str) -> set[str]:
        keys = {f"default/{name}" for name in names}
        return {key.partition("/")[2] for key in self.giving.kept(keys)}


def test_each_gang_is_evicted_whole_and_that_is_said_once_a_gang() -> None:
    scene = Scene(pods("one"), pods("two"), pods("other"))

    scene.act("one", "two")

    assert scene.cluster.evicted == ["one-0", "one-1", "two-0", "two-1"]
    assert scene.counted == ["evicted"] * 4
    assert len(scene.said("Reclaimed")) == 2
    assert "default/one, default/two give back" in scene.said("Reclaiming")[0]


def test_a_budget_that_allows_one_of_two_keeps_both_and_every_other_gang() -> None:
    scene = Scene(pods("one"), pods("two"))
    scene.cluster.pdbs = [budget("two", selector={"matchLabels": {"app": "two"}}, allowed=1)]

    scene.act("one", "two")

    assert scene.cluster.evicted == []
    assert "allows 1 of the 2 evictions" in scene.said("ReclaimBlocked")[0]
    assert scene.kept("one", "two") == {"two"}
    scene.clock.now += 61
    assert scene.kept("one", "two") == set()


def test_budgets_are_counted_over_all_gangs_together() -> None:
    scene = Scene(pods("one"), pods("two"))
    scene.cluster.pdbs = [budget("all", selector={}, allowed=3)]

    scene.act("one", "two")

    assert scene.cluster.evicted == []
    assert scene.kept("one", "two") == {"two"}


@pytest.mark.parametrize(
    ("owner", "says"),
    [
        ("", "nothing would create one-0 again"),
        ("Workflow", "what a Workflow does then is not known"),
        ("Job", "Job owner would end of it"),
    ],
)
def test_a_gang_that_would_not_come_back_stays(owner: str, says: str) -> None:
    scene = Scene(pods("one", owner=owner))
    job = {"metadata": {"namespace": "default", "name": "owner", "uid": "j"}}
    scene.cluster.jobs = {"owner": {**job, "spec": {"backoffLimit": 1}}}

    scene.act("one")

    assert scene.cluster.evicted == []
    assert says in scene.said("ReclaimBlocked")[0]


def test_a_job_that_survives_it_is_evicted() -> None:
    scene = Scene(pods("one", owner="Job"))
    job = {"metadata": {"namespace": "default", "name": "owner", "uid": "j"}}
    scene.cluster.jobs = {"owner": {**job, "spec": {"backoffLimit": 6}}}

    scene.act("one")

    assert scene.cluster.evicted == ["one-0", "one-1"]


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (TooManyRequests("budget"), "blocked"),
        (Forbidden("no"), "refused"),
        (Unreachable("gone"), "failed"),
    ],
)
def test_after_a_refusal_no_other_rank_of_that_gang_is_tried(error: KubeError, result: str) -> None:
    scene = Scene(pods("one"), pods("two"))
    scene.cluster.refuses = {"one-0": error}

    scene.act("one", "two")

    assert scene.cluster.evicted == ["two-0", "two-1"]
    assert scene.counted == [result, "evicted", "evicted"]
    assert scene.kept("one", "two") == {"one"}


def test_a_pod_that_is_gone_keeps_nobody() -> None:
    scene = Scene(pods("one"))
    scene.cluster.refuses = {"one-0": NotFound("gone")}

    scene.act("one")

    assert scene.cluster.evicted == ["one-1"]
    assert scene.counted == ["gone", "evicted"]


def test_pods_that_leave_already_are_not_evicted_again() -> None:
    scene = Scene([pods("one")[0], *pods("one", terminating=True)[1:]])

    scene.act("one")

    assert scene.cluster.evicted == ["one-0"]


def test_nobody_is_evicted_once_another_replica_leads() -> None:
    scene = Scene(pods("one"))
    scene.leads = False

    scene.act("one")

    assert scene.cluster.evicted == []
