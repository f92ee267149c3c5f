"""Gangs that leave: together, within every budget, and only where that harms nobody."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler_feedback.drain import Plan, Rules, Situation, plan
from scheduler_feedback.elsewhere import Snapshot
from scheduler_feedback.gang.nodes import read_host
from scheduler_feedback.gang.pods import Claim
from scheduler_feedback.health import assess
from scheduler_feedback.jobs import read_job
from scheduler_feedback.ledger import Ledger
from scheduler_feedback.pods import Budget, Pod, read_budget, read_pod
from scheduler_feedback.survey import room_elsewhere
from scheduler_feedback.units import Draining
from tests.budget import examples
from tests.scheduler_feedback.objects import budget, drained_node, node, pod

NOW = 1_793_492_800.0
"""2026-11-01T00:26:40Z: after the fault of `drained_node`."""
GPUS = {"containers": [{"resources": {"limits": {"nvidia.com/gpu": "8"}}}]}


def rank(  # noqa: PLR0913 - a rank's parts, by keyword
    number: int,
    on: str,
    *,
    gang: str = "train",
    size: int = 4,
    owner: str = "StatefulSet",
    notes: dict[str, str] | None = None,
    **more: Any,
) -> dict[str, Any]:
    made = pod(f"{gang}-{number}", labels={"app": gang, "railwatch.io/gang": gang}, **more)
    made["metadata"]["ownerReferences"][0] |= {"kind": owner, "name": gang}
    told = {f"railwatch.io/{key}": value for key, value in (notes or {}).items()}
    made["metadata"]["annotations"] = {"railwatch.io/gang-size": str(size)} | told
    made["spec"] |= {"nodeName": on, **GPUS}
    return made


def job(name: str = "train", **spec: Any) -> dict[str, Any]:
    metadata = {"namespace": "default", "name": name, "uid": f"uid-{name}"}
    return {"metadata": metadata, "spec": spec, "status": {"active": 4}}


def host(name: str) -> dict[str, Any]:
    made = node(name, labels={"kubernetes.io/hostname": name})
    made["status"]["allocatable"] = {"pods": "110", "nvidia.com/gpu": "8"}
    return made


def planned(  # noqa: PLR0913 - a situation's parts, by keyword
    ranks: Sequence[dict[str, Any]],
    *,
    budgets: Sequence[dict[str, Any]] = (),
    jobs: Sequence[dict[str, Any]] = (),
    spare: int = 0,
    fatal: bool = True,
    room: int = 100,
    now: float = NOW,
) -> Plan:
    """Plan for the node gpu-1, where the healthy nodes are those of the ranks and `spare` more."""
    pods = [read_pod(each) for each in ranks]
    drained = assess(drained_node())
    if not fatal:
        refusal = dataclasses.replace(drained.drains[0], condition="GpuMemoryFault")
        drained = dataclasses.replace(drained, drains=(refusal,))
    names = {p.node for p in pods} | {f"spare-{n}" for n in range(spare)}
    claims = [Claim(uid=p.uid, node=p.node, request={"nvidia.com/gpu": 8}) for p in pods]
    snapshot = Snapshot(hosts=[read_host(host(name)) for name in sorted(names)], claims=claims)
    read = [read_job(each) for each in jobs]
    situation = Situation(
        draining=[Draining(node=drained, pods=tuple(p for p in pods if p.node == "gpu-1"))],
        budgets=[read_budget(each) for each in budgets],
        gangs={"default/train": [p for p in pods if p.gang]},
        jobs={(each.namespace, each.name): each for each in read},
        elsewhere=room_elsewhere(snapshot, {"gpu-1"}),
        now=now,
    )
    return plan(situation, Rules(room=room))


def four(**more: Any) -> list[dict[str, Any]]:
    return [rank(n, f"gpu-{n + 1}", **more) for n in range(4)]


def gone(made: Plan) -> list[str]:
    return [eviction.pod.name for eviction in made.evict]


def held(made: Plan) -> set[str]:
    return {each.state for each in made.held}


ALL = ["train-0", "train-1", "train-2", "train-3"]


def test_a_gang_leaves_as_a_whole_wherever_its_ranks_are() -> None:
    made = planned(four())

    assert gone(made) == ALL
    assert [pod.name for pod in made.ask] == ALL


def test_a_rate_that_permits_one_eviction_permits_the_whole_gang_and_none_permits_none() -> None:
    assert gone(planned(four(), room=1)) == ALL
    assert held(planned(four(), room=0)) == {"pending"}


def test_a_budget_too_small_for_all_ranks_keeps_them_all() -> None:
    made = planned(four(), budgets=[budget(selector={}, allowed=3)])

    assert (gone(made), held(made)) == ([], {"budget"})
    assert "allows 3 of the 4 evictions" in made.held[0].why


def test_without_room_elsewhere_a_gang_stays_unless_its_fault_is_fatal() -> None:
    assert held(planned(four(), fatal=False)) == {"no_room"}
    assert gone(planned(four(), fatal=False, spare=1)) == ALL
    assert gone(planned(four(), fatal=True)) == ALL


def test_two_gangs_are_not_both_promised_the_same_room() -> None:
    other = pod("single")
    other["spec"] |= {"nodeName": "gpu-1", "priority": 9, **GPUS}

    made = planned([*four(), other], fatal=False, spare=1)

    assert (gone(made), held(made)) == (["single"], {"no_room"})


def test_a_gang_is_asked_first_and_leaves_once_all_have_saved_or_the_deadline_has_passed() -> None:
    wants = {"checkpoint-deadline": "5m"}
    asked = wants | {"drain-requested": "2026-11-01T00:26:00+00:00"}
    saved = asked | {"checkpointed": "2026-11-01T00:26:30+00:00"}
    early = asked | {"checkpointed": "2026-11-01T00:25:00+00:00"}

    first = planned(four(notes=wants))
    assert ([p.name for p in first.ask], held(first)) == (ALL, {"checkpoint"})
    for notes, now in ((asked, NOW), (early, NOW)):
        assert held(planned(four(notes=notes), now=now)) == {"checkpoint"}
    assert gone(planned(four(notes=saved))) == ALL
    assert gone(planned(four(notes=asked), now=NOW + 300)) == ALL


def test_a_request_older_than_the_fault_was_for_another() -> None:
    old = {"checkpoint-deadline": "5m", "drain-requested": "2026-10-31T00:00:00+00:00"}

    made = planned(four(notes=old))

    assert ([p.name for p in made.ask], held(made)) == (ALL, {"checkpoint"})


def test_a_gang_half_evicted_is_finished_and_its_new_ranks_are_left_alone() -> None:
    asked = {"drain-requested": "2026-11-01T00:10:00+00:00"}
    ranks = [*four(notes=asked)[1:], rank(0, "spare-0", created="2026-11-01T00:11:00Z")]

    assert gone(planned(ranks, spare=1)) == ALL[1:]


@pytest.mark.parametrize(
    "spec", [{"backoffLimit": 100}, {"backoffLimit": 4}, {"backoffLimitPerIndex": 0}]
)
def test_a_gangs_job_is_suspended_in_place_of_eviction(spec: dict[str, Any]) -> None:
    made = planned(four(owner="Job"), jobs=[job(**spec)])

    assert [len(each.pods) for each in made.suspend] == [4]
    assert (gone(made), held(made)) == ([], set())


IGNORE = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}
FAIL = {"action": "FailJob", "onExitCodes": {"operator": "NotIn", "values": [0]}}
RARE = {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}


@pytest.mark.parametrize(
    ("rules", "survives"),
    [([IGNORE], True), ([RARE, IGNORE], True), ([FAIL, IGNORE], False), ([RARE], False)],
)
def test_a_job_that_is_kueues_is_evicted_only_if_it_survives(
    rules: list[Any], *, survives: bool
) -> None:
    queued = job(backoffLimit=0, podFailurePolicy={"rules": rules})
    queued["metadata"]["labels"] = {"kueue.x-k8s.io/queue-name": "team"}

    made = planned(four(owner="Job"), jobs=[queued])

    assert made.suspend == ()
    assert (gone(made), held(made)) == ((ALL, set()) if survives else ([], {"job"}))


@pytest.mark.parametrize("over", ["JobSet", ""])
def test_a_job_is_not_suspended_under_its_owner_or_beside_other_pods(over: str) -> None:
    frail = job(backoffLimit=0)
    frail["status"]["active"] = 4 if over else 9
    if over:
        frail["metadata"]["ownerReferences"] = [{"kind": over, "name": "x", "controller": True}]

    assert held(planned(four(owner="Job"), jobs=[frail])) == {"job"}


_ranks = st.builds(
    rank,
    number=st.integers(min_value=0, max_value=9),
    on=st.sampled_from(["gpu-1", "gpu-2", "gpu-3"]),
    gang=st.sampled_from(["train", "other"]),
    owner=st.sampled_from(["Job", "StatefulSet"]),
    ready=st.booleans(),
    notes=st.sampled_from([{}, {"checkpoint-deadline": "1m"}]),
    priority=st.integers(min_value=0, max_value=2),
)
_budgets = st.builds(
    budget,
    name=st.sampled_from(["x", "y"]),
    selector=st.sampled_from([{}, {"matchLabels": {"app": "train"}}]),
    allowed=st.integers(min_value=0, max_value=8),
    healthy=st.integers(min_value=0, max_value=3),
)


def _spent(pods: Sequence[Pod], budgets: Sequence[Budget]) -> bool:
    ledger = Ledger(budgets)
    for each in pods:
        ledger.spend(each)
    return all(ledger.left(b) >= 0 for b in budgets)


def _named(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({each["metadata"]["name"]: each for each in objects}.values())


@settings(max_examples=examples(100), deadline=None)
@given(
    ranks=st.lists(_ranks, max_size=10).map(_named),
    budgets=st.lists(_budgets, max_size=2).map(_named),
    fatal=st.booleans(),
    spare=st.integers(min_value=0, max_value=3),
)
def test_no_gang_is_split_and_no_budget_overdrawn(
    ranks: list[dict[str, Any]], budgets: list[dict[str, Any]], *, fatal: bool, spare: int
) -> None:
    only = [each for each in ranks if each["metadata"]["labels"]["app"] == "train"]
    made = planned(only, budgets=budgets, jobs=[job(backoffLimit=0)], fatal=fatal, spare=spare)

    leaving = [e.pod for e in made.evict] + [p for s in made.suspend for p in s.pods]
    assert _spent(leaving, [read_budget(each) for each in budgets])
    told = {p.uid for p in leaving} | {h.pod.uid for h in made.held}
    concerned = any(each["spec"]["nodeName"] == "gpu-1" for each in only)
    assert told == ({each["metadata"]["uid"] for each in only} if concerned else set())
    assert not leaving or not made.held
    assert made == planned(
        list(reversed(only)),
        budgets=budgets,
        jobs=[job(backoffLimit=0)],
        fatal=fatal,
        spare=spare,
    )
