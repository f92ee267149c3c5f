"""How gangs give back what they borrowed: whole, once all of it may go."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from scheduler_feedback.errors import (
    Forbidden,
    KubeError,
    NotFound,
    ServerError,
    TooManyRequests,
    Unreachable,
)
from scheduler_feedback.gang.model import Gang, Rank
from scheduler_feedback.gang.pods import read_member
from scheduler_feedback.queue.giveback import Counted, GiveBack
from scheduler_feedback.queue.reclaim import Reclaim
from tests.scheduler_feedback.fakes import Clock, FakeCluster, Prompt
from tests.scheduler_feedback.objects import budget, pod

GPU = "nvidia.com/gpu"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()


def gang(name: str, *, at: str = "gpu-1", size: int = 2, since: float = 0.0) -> Gang:
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
    return Gang(namespace="default", name=name, size=size, least=size, ranks=ranks, since=since)


def pods(
    name: str, size: int = 2, notes: Mapping[str, str] | None = None, **more: Any
) -> list[dict[str, Any]]:
    labels = {"app": name, "railwatch.io/gang": name}
    made = [pod(f"{name}-{n}", labels=labels, **more) for n in range(size)]
    for each in made:
        each["metadata"]["annotations"] = dict(notes or {})
    return made


class Scene:
    """A cluster with gangs that are to leave."""

    def __init__(self, *found: Sequence[dict[str, Any]]) -> None:
        self.clock = Clock()
        self.cluster = FakeCluster(pods={"gpu-1": [each for part in found for each in part]})
        self.counted: list[str] = []
        self.leads = True
        self.giving = GiveBack(
            self.cluster,
            Prompt(self.cluster),
            leading=lambda: self.leads,
            counted=Counted(evictions=self.counted.append, jobs=self.counted.append),
            longest=1800.0,
            clock=self.clock,
            now=lambda: NOW + self.clock.now,
        )

    def act(self, *names: str) -> None:
        leaving = tuple(gang(name) for name in names)
        self.giving.act(
            Reclaim(gang=gang("train", at="", since=NOW), resources=(GPU,), leaving=leaving)
        )

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
    ],
)
def test_a_gang_that_would_not_come_back_stays(owner: str, says: str) -> None:
    scene = Scene(pods("one", owner=owner))

    scene.act("one")

    assert scene.cluster.evicted == []
    assert says in scene.said("ReclaimBlocked")[0]


def a_job(**fields: Any) -> dict[str, Any]:
    """Return the Job that owns the pods of a gang."""
    labels = fields.pop("labels", {})
    status = fields.pop("status", {"active": 2})
    metadata = {"namespace": "default", "name": "owner", "uid": "j", "labels": labels}
    return {"metadata": metadata, "spec": fields, "status": status}


@pytest.mark.parametrize("limit", [1, 6])
def test_a_gangs_job_is_suspended_and_none_of_its_pods_evicted(limit: int) -> None:
    scene = Scene(pods("one", owner="Job"))
    scene.cluster.jobs = {"owner": a_job(backoffLimit=limit)}

    scene.act("one")

    assert scene.cluster.changes == [("suspend", "owner")]
    assert scene.cluster.evicted == []
    assert scene.counted == ["suspended"]
    assert "Job owner suspended: nvidia.com/gpu that its queue" in scene.said("Reclaimed")[0]


def test_a_job_that_is_not_ours_to_suspend_is_evicted_if_it_survives_it() -> None:
    scene = Scene(pods("one", owner="Job"))
    kueue = {"kueue.x-k8s.io/queue-name": "main"}
    scene.cluster.jobs = {"owner": a_job(backoffLimit=6, labels=kueue)}

    scene.act("one")

    assert scene.cluster.evicted == ["one-0", "one-1"]


def test_a_job_that_is_not_ours_to_suspend_and_would_end_stays() -> None:
    scene = Scene(pods("one", owner="Job"))
    kueue = {"kueue.x-k8s.io/queue-name": "main"}
    scene.cluster.jobs = {"owner": a_job(backoffLimit=1, labels=kueue)}

    scene.act("one")

    assert (scene.cluster.evicted, scene.cluster.changes) == ([], [])
    assert "Job owner would end of it, and is Kueue's" in scene.said("ReclaimBlocked")[0]


def test_a_job_that_is_suspended_already_is_left_to_stop() -> None:
    scene = Scene(pods("one", owner="Job"), pods("two"))
    scene.cluster.jobs = {"owner": a_job(suspend=True, backoffLimit=1)}

    scene.act("one", "two")

    assert scene.cluster.changes == []
    assert scene.cluster.evicted == ["two-0", "two-1"]


def test_a_job_is_resumed_once_its_pods_have_stopped_and_no_other_is() -> None:
    scene = Scene()
    ours = {"railwatch.io/drain-suspended": "reclaim"}
    stopped = {"conditions": [{"type": "Suspended", "status": "True"}]}
    scene.cluster.jobs = {"owner": a_job(suspend=True, labels=ours)}

    scene.giving.resume()
    assert scene.cluster.changes == []
    scene.cluster.jobs["owner"]["status"] = stopped
    scene.giving.resume()
    scene.cluster.jobs["owner"]["metadata"]["labels"] = {"railwatch.io/drain-suspended": "true"}
    scene.giving.resume()

    assert scene.cluster.changes == [("resume", "owner")]
    assert "wait for their turn" in scene.said("DrainResumed")[0]


def patient(name: str, **notes: str) -> list[dict[str, Any]]:
    """Return a gang that wants to be given five minutes to save its state."""
    own = {"railwatch.io/checkpoint-deadline": "5m", **notes}
    return pods(name, notes=own)


def test_nobody_leaves_before_all_have_saved_their_state() -> None:
    scene = Scene(patient("one"), pods("two"))

    scene.act("one", "two")
    scene.act("one", "two")

    assert scene.cluster.changes == [("ask", "one-0"), ("ask", "one-1")]
    assert scene.cluster.evicted == []
    assert "save their state" in scene.said("Reclaiming")[0]
    for each in scene.cluster.pods["gpu-1"][:2]:
        assert each["metadata"]["annotations"]["railwatch.io/gives-way-to"] == "default/train"
        saved = datetime.fromtimestamp(NOW + scene.clock.now + 1, UTC).isoformat()
        each["metadata"]["annotations"]["railwatch.io/checkpointed"] = saved
    scene.act("one", "two")
    assert scene.cluster.evicted == ["one-0", "one-1", "two-0", "two-1"]


def test_who_saves_nothing_is_waited_for_no_longer_than_it_said() -> None:
    scene = Scene(patient("one"))
    scene.act("one")

    scene.clock.now += 299
    scene.act("one")
    assert scene.cluster.evicted == []
    scene.clock.now += 2
    scene.act("one")

    assert scene.cluster.evicted == ["one-0", "one-1"]


def test_a_request_older_than_the_gang_that_gets_the_room_counts_for_nothing() -> None:
    old = datetime.fromtimestamp(NOW - 1000, UTC).isoformat()
    scene = Scene(patient("one", **{"railwatch.io/drain-requested": old}))

    scene.act("one")

    assert scene.cluster.changes == [("ask", "one-0"), ("ask", "one-1")]
    assert scene.cluster.evicted == []


def test_what_was_asked_is_taken_back_where_no_pass_wants_it_any_more() -> None:
    scene = Scene(patient("one"))
    scene.act("one")
    members = [read_member(pod) for pod in scene.cluster.pods["gpu-1"]]
    asked = [member for member in members if member is not None]

    scene.giving.withdraw(asked)
    scene.clock.now += 29
    scene.act("one")
    scene.clock.now += 29
    scene.giving.withdraw(asked)
    before = [change for change in scene.cluster.changes if change[0] == "withdraw"]
    scene.clock.now += 2
    scene.giving.withdraw(asked)

    assert before == []
    assert [name for what, name in scene.cluster.changes if what == "withdraw"] == [
        "one-0",
        "one-1",
    ]


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (TooManyRequests("budget"), "blocked"),
        (Forbidden("no"), "refused"),
        (ServerError("HTTP 500"), "failed"),
    ],
)
def test_after_a_refusal_no_other_rank_of_that_gang_is_tried(error: KubeError, result: str) -> None:
    scene = Scene(pods("one"), pods("two"))
    scene.cluster.refuses = {"one-0": error}

    scene.act("one", "two")

    assert scene.cluster.evicted == ["two-0", "two-1"]
    assert scene.counted == [result, "evicted", "evicted"]
    assert scene.kept("one", "two") == {"one"}


def test_a_server_that_is_gone_is_not_asked_further() -> None:
    scene = Scene(pods("one"), pods("two"))
    scene.cluster.refuses = {"one-0": Unreachable("gone")}

    with pytest.raises(Unreachable):
        scene.act("one", "two")

    assert scene.cluster.evicted == []
    assert scene.counted == ["failed"]


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
