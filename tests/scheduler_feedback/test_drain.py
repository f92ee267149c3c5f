"""Whom the drainer would evict, whom it holds and why."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler_feedback.drain import Plan, Rules, Situation, plan
from scheduler_feedback.health import assess
from scheduler_feedback.ledger import Ledger
from scheduler_feedback.pods import read_budget, read_pod
from scheduler_feedback.units import Draining, leaves
from tests.scheduler_feedback.objects import GPU_UNAVAILABLE, budget, drained_node, pod

ALL: dict[str, Any] = {}
"""A selector that selects a whole namespace."""


def planned(
    pods: list[dict[str, Any]],
    budgets: list[dict[str, Any]] | None = None,
    *,
    room: int = 100,
    waiting: tuple[str, ...] = (),
    bare_pods: bool = False,
) -> Plan:
    draining = [Draining(node=assess(drained_node()), pods=tuple(read_pod(p) for p in pods))]
    read = [read_budget(b) for b in budgets or []]
    rules = Rules(room=room, waiting=frozenset(waiting), bare_pods=bare_pods)
    return plan(Situation(draining=draining, budgets=read), rules)


def evicted(made: Plan) -> list[str]:
    return [eviction.pod.name for eviction in made.evict]


def held(made: Plan) -> dict[str, str]:
    return {each.pod.name: each.state for each in made.held}


def test_the_pods_of_a_drain_node_are_evicted_by_name_within_priority() -> None:
    made = planned([pod("b"), pod("a"), pod("urgent", priority=9)])

    assert evicted(made) == ["urgent", "a", "b"]
    assert made.drained == ()


@pytest.mark.parametrize(
    "left_alone",
    [
        pod(owner="DaemonSet"),
        pod(mirror=True, owner="Node"),
        pod(phase="Succeeded"),
        pod(phase="Failed"),
        pod(tolerations=[{"key": GPU_UNAVAILABLE, "operator": "Exists"}]),
        pod(tolerations=[{"key": GPU_UNAVAILABLE, "value": "drain", "effect": "NoSchedule"}]),
    ],
)
def test_pods_that_draining_cannot_move_or_need_not_are_left_alone(
    left_alone: dict[str, Any],
) -> None:
    made = planned([left_alone])

    assert (made.evict, made.held) == ((), ())
    assert [node.name for node in made.drained] == ["gpu-1"]


def test_a_pod_that_tolerates_everything_is_moved_like_any_other() -> None:
    assert evicted(planned([pod(tolerations=[{"operator": "Exists"}])])) == ["rank-0"]


def test_a_pod_that_tolerates_everything_and_came_after_the_fault_would_only_come_back() -> None:
    later = "2026-11-02T00:00:00Z"
    tolerant = pod("tolerant", tolerations=[{"operator": "Exists"}], created=later)

    made = planned([tolerant, pod("innocent", created=later)])

    assert (evicted(made), held(made)) == (["innocent"], {})


def test_a_pod_on_its_way_out_is_not_evicted_again() -> None:
    made = planned([pod(terminating=True)])

    assert (evicted(made), held(made)) == ([], {"rank-0": "terminating"})
    assert made.drained == ()


def test_a_bare_pod_is_held_unless_its_owner_said_otherwise() -> None:
    assert held(planned([pod(owner="")])) == {"rank-0": "bare"}
    assert evicted(planned([pod(owner="")], bare_pods=True)) == ["rank-0"]


def test_a_budget_is_counted_before_the_first_eviction() -> None:
    ranks = [pod(f"rank-{i}") for i in range(4)]

    made = planned(ranks, [budget(selector=ALL, allowed=1)])

    assert evicted(made) == ["rank-0"]
    assert held(made) == dict.fromkeys(["rank-1", "rank-2", "rank-3"], "budget")


def test_a_spent_budget_holds_and_is_named() -> None:
    made = planned([pod()], [budget("quorum", selector=ALL, allowed=0)])

    assert made.evict == ()
    assert [b.name for b in made.held[0].budgets] == ["quorum"]


def test_a_budget_of_another_namespace_or_of_other_pods_holds_nobody() -> None:
    others = [
        budget("elsewhere", namespace="other", selector=ALL),
        budget("strangers", selector={"matchLabels": {"app": "web"}}),
        budget("nobody", selector=None),
    ]

    assert evicted(planned([pod(labels={"app": "train"})], others)) == ["rank-0"]


@pytest.mark.parametrize(
    ("expression", "selects"),
    [
        ({"key": "app", "operator": "In", "values": ["train", "web"]}, True),
        ({"key": "app", "operator": "In", "values": ["web"]}, False),
        ({"key": "app", "operator": "NotIn", "values": ["web"]}, True),
        ({"key": "tier", "operator": "NotIn", "values": ["web"]}, True),
        ({"key": "app", "operator": "Exists"}, True),
        ({"key": "tier", "operator": "Exists"}, False),
        ({"key": "tier", "operator": "DoesNotExist"}, True),
        ({"key": "app", "operator": "DoesNotExist"}, False),
        ({"key": "app", "operator": "Near"}, True),
    ],
)
def test_budgets_select_by_expression(expression: dict[str, Any], *, selects: bool) -> None:
    read = read_budget(budget(selector={"matchExpressions": [expression]}))

    assert read.selects(read_pod(pod(labels={"app": "train"}))) is selects


def test_two_budgets_over_one_pod_hold_it_as_the_eviction_api_would() -> None:
    both = [budget("a", selector=ALL, allowed=5), budget("b", selector=ALL, allowed=5)]

    assert held(planned([pod()], both)) == {"rank-0": "several_budgets"}


def test_a_budget_with_an_old_status_is_waited_for() -> None:
    late = budget(selector=ALL, allowed=5, generation=2, observed=1)

    assert held(planned([pod()], [late])) == {"rank-0": "budget_stale"}


def test_a_budget_without_a_status_allows_nothing() -> None:
    fresh = budget(selector=ALL)
    del fresh["status"]

    assert held(planned([pod()], [fresh])) == {"rank-0": "budget_stale"}


def test_a_broken_pod_may_go_while_its_budget_has_all_it_wants() -> None:
    spent = budget(selector=ALL, allowed=0, healthy=2, wanted=2)
    short = budget(selector=ALL, allowed=0, healthy=1, wanted=2)
    lenient = budget(selector=ALL, allowed=0, healthy=1, wanted=2, policy="AlwaysAllow")

    assert evicted(planned([pod(ready=False)], [spent])) == ["rank-0"]
    assert held(planned([pod(ready=False)], [short])) == {"rank-0": "budget"}
    assert evicted(planned([pod(ready=False)], [lenient])) == ["rank-0"]


def test_a_pod_that_never_ran_needs_no_budget() -> None:
    assert evicted(planned([pod(phase="Pending", ready=False)], [budget(selector=ALL)]))


def test_the_rate_leaves_the_rest_for_later() -> None:
    made = planned([pod("a"), pod("b")], room=1)

    assert (evicted(made), held(made)) == (["a"], {"b": "pending"})


def test_a_pod_refused_a_moment_ago_is_not_tried_yet() -> None:
    made = planned([pod("a"), pod("b")], waiting=("uid-default-a",))

    assert (evicted(made), held(made)) == (["b"], {"a": "backoff"})


_pods = st.builds(
    pod,
    name=st.sampled_from(["p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7"]),
    namespace=st.sampled_from(["default", "other"]),
    labels=st.sampled_from([{}, {"app": "a"}, {"app": "b"}]),
    owner=st.sampled_from(["", "ReplicaSet", "Job", "DaemonSet"]),
    phase=st.sampled_from(["Running", "Pending", "Succeeded"]),
    ready=st.booleans(),
    terminating=st.booleans(),
    priority=st.integers(min_value=-2, max_value=2),
)
_budgets = st.builds(
    budget,
    name=st.sampled_from(["x", "y"]),
    namespace=st.sampled_from(["default", "other"]),
    selector=st.sampled_from([{}, None, {"matchLabels": {"app": "a"}}]),
    allowed=st.integers(min_value=0, max_value=3),
    observed=st.sampled_from([0, 1]),
    healthy=st.integers(min_value=0, max_value=3),
)


def _unique(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    named = {(o["metadata"]["namespace"], o["metadata"]["name"]): o for o in objects}
    return list(named.values())


@given(
    st.lists(_pods, max_size=12).map(_unique),
    st.lists(_budgets, max_size=4).map(_unique),
    st.integers(min_value=0, max_value=6),
)
def test_no_plan_exceeds_a_budget_or_the_rate_or_loses_a_pod(
    pods: list[dict[str, Any]], budgets: list[dict[str, Any]], room: int
) -> None:
    made = planned(pods, budgets, room=room)

    ledger = Ledger([read_budget(b) for b in budgets])
    for eviction in made.evict:
        ledger.spend(eviction.pod)
    assert all(ledger.left(read_budget(b)) >= 0 for b in budgets)
    assert len(made.evict) <= room
    leaving = {p.uid for p in map(read_pod, pods) if leaves(p, assess(drained_node()))}
    told = [e.pod.uid for e in made.evict] + [h.pod.uid for h in made.held]
    assert sorted(told) == sorted(leaving)
    assert made == planned(list(reversed(pods)), budgets, room=room)
