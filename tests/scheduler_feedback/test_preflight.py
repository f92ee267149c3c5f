"""What draining a node would do, were it to begin now."""

import json
from typing import Any

from scheduler_feedback.drain import Situation
from scheduler_feedback.elsewhere import Snapshot
from scheduler_feedback.gang.nodes import read_host
from scheduler_feedback.health import assess
from scheduler_feedback.pods import read_budget, read_pod
from scheduler_feedback.preflight import Preflight, as_json, as_text, preflight, suppose
from scheduler_feedback.survey import room_elsewhere
from scheduler_feedback.units import Draining
from tests.scheduler_feedback.objects import budget, drained_node, node, pod

NOW = 1_800_000_000.0


def asked(
    on: dict[str, Any],
    *pods: dict[str, Any],
    budgets: tuple[dict[str, Any], ...] = (),
    condition: str = "RdmaLinkDown",
) -> Preflight:
    node = suppose(assess(on), condition, NOW)
    situation = Situation(
        draining=[Draining(node=node, pods=tuple(read_pod(each) for each in pods))],
        budgets=[read_budget(each) for each in budgets],
        elsewhere=room_elsewhere(Snapshot(hosts=[read_host(spare())]), {"gpu-1"}),
        now=NOW,
    )
    return preflight(situation)


def spare() -> dict[str, Any]:
    made = node("spare", labels={"kubernetes.io/hostname": "spare"})
    made["status"]["allocatable"] = {"pods": "10"}
    return made


def test_a_node_without_a_fault_is_supposed_to_be_drained() -> None:
    told = asked(node(), pod("rank-0"), pod("agent", owner="DaemonSet"), pod("bare", owner=""))

    assert not told.draining
    assert [p.name for p in told.evict] == ["rank-0"]
    assert [(held.pod.name, held.state) for held in told.held] == [("bare", "bare")]
    assert told.stay == {"of a DaemonSet": 1}
    assert "were it, for RdmaLinkDown:" in as_text(told)


def test_a_node_with_a_drain_taint_is_asked_about_that() -> None:
    told = asked(drained_node(), pod("rank-0"))

    assert told.draining
    assert as_text(told).startswith("gpu-1 is to be drained: GpuUnavailable\nevicted at once: 1\n")


def test_a_pod_that_tolerates_the_supposed_taint_by_name_stays() -> None:
    tolerant = pod(tolerations=[{"key": "railwatch.io/rdma-link-down", "operator": "Exists"}])

    assert asked(node(), tolerant).stay == {"tolerating the drain": 1}


def test_a_budget_that_allows_nothing_is_named_and_a_spent_one_counted() -> None:
    quorum = budget("quorum", selector={}, allowed=1)

    told = asked(node(), pod("rank-0"), pod("rank-1"), budgets=(quorum,))

    assert [p.name for p in told.evict] == ["rank-0"]
    assert (
        "held: 1\n  default/rank-1: PodDisruptionBudget default/quorum allows no eviction now\n"
        in as_text(told)
    )
    assert json.loads(json.dumps(as_json(told)))["held"][0]["budgets"] == ["default/quorum"]


def test_a_node_that_is_not_ours_is_said_to_be_left_alone() -> None:
    hands_off = drained_node()
    hands_off["metadata"]["labels"] = {"railwatch.io/managed": "false"}

    told = asked(hands_off, pod("rank-0"))

    assert not told.draining
    assert "the drainer leaves it alone" in as_text(told)


def test_pods_on_their_way_out_and_finished_ones_are_told_apart() -> None:
    told = asked(node(), pod("going", terminating=True), pod("done", phase="Succeeded"))

    assert "  default/going: terminating\n" in as_text(told)
    assert told.stay == {"finished": 1}
