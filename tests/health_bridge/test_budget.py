"""How much of the fleet may be taken, and by whom."""

from dataclasses import replace

import pytest

from catalog.verdicts import Verdict
from health_bridge.decision.decide import decide
from health_bridge.decision.limits import budget_size
from tests.health_bridge.worlds import (
    NOW,
    link_down,
    lost_gpu,
    node,
    our_taints,
    policy,
    run,
    sight,
    status,
)

ONE = policy(budget="1")
TWO = policy(budget="2")


@pytest.mark.parametrize(
    ("budget", "nodes", "size"),
    [("10%", 6, 1), ("10%", 100, 10), ("10%", 101, 11), ("7%", 100, 7), ("1%", 0, 1), ("3", 1, 3)],
)
def test_a_budget_is_rounded_up_and_at_least_one(budget: str, nodes: int, size: int) -> None:
    assert budget_size(budget, nodes) == size


@pytest.mark.parametrize("budget", ["", "0", "0%", "101%", "-1", "1.5", "ten", "10 %", "1e3"])
def test_a_budget_that_is_none_is_refused(budget: str) -> None:
    with pytest.raises(ValueError, match=r"is not|is neither"):
        budget_size(budget, 10)


def test_the_budget_goes_to_the_worst_node_first() -> None:
    nodes = [node("a"), node("b")]

    mild, grave = run(nodes, sight(link_down("a"), lost_gpu("b"), nodes="ab"), under=ONE)

    assert our_taints(mild) == {}
    assert status(mild, "RdmaLinkDown") == "True"
    assert '"action":"withheld"' in (mild.devices or "")
    assert "withheld" in mild.conditions["RdmaLinkDown"].message
    assert our_taints(grave) == {"gpu-unavailable": ("drain", "NoSchedule")}


def test_among_equals_the_oldest_fault_goes_first() -> None:
    seen = sight(lost_gpu("a", since=NOW - 10), lost_gpu("b", since=NOW - 20), nodes="ab")

    young, old = run([node("a"), node("b")], seen, under=ONE)

    assert our_taints(young) == {}
    assert our_taints(old) != {}


def test_who_has_the_budget_keeps_it_when_a_worse_fault_comes() -> None:
    nodes = run([node("a"), node("b")], sight(link_down("a"), nodes="ab"), under=ONE)

    first, second = run(nodes, sight(link_down("a"), lost_gpu("b"), nodes="ab"), under=ONE)

    assert our_taints(first) == {"rdma-link-down": ("cordon", "NoSchedule")}
    assert our_taints(second) == {}


def test_who_has_the_budget_keeps_it_when_it_shrinks() -> None:
    seen = sight(lost_gpu("a"), lost_gpu("b"), nodes="ab")
    nodes = run([node("a"), node("b")], seen, under=TWO)

    after = run(nodes, seen, under=ONE)

    assert after == nodes


@pytest.mark.parametrize("away", [{"cordoned": True}, {"ready": False}])
def test_nodes_that_others_took_count(away: dict[str, bool]) -> None:
    (taken, faulty) = run(
        [node("a", **away), node("b")], sight(lost_gpu("b"), nodes="ab"), under=ONE
    )

    assert our_taints(faulty) == {}
    assert taken.taints == ()


def test_a_node_that_is_away_costs_nothing_more() -> None:
    (after,) = run([node("a", ready=False)], sight(lost_gpu("a"), nodes="a"), under=ONE)

    assert our_taints(after) == {"gpu-unavailable": ("drain", "NoSchedule")}


def test_avoiding_is_not_charged() -> None:
    mild = [lost_gpu(name, verdict=Verdict.AVOID) for name in "abc"]

    after = run([node(name) for name in "abc"], sight(*mild, nodes="abc"), under=ONE)

    assert all(our_taints(each)["gpu-unavailable"][0] == "avoid" for each in after)


def test_a_recovery_passes_while_the_budget_is_overspent() -> None:
    seen = sight(lost_gpu("a"), lost_gpu("b"), nodes="ab")
    nodes = run([node("a"), node("b")], seen, under=TWO)
    healed = sight(
        lost_gpu("b"), nodes="ab", proven=[("GpuFellOffBus", "a", "GPU-a")], boots={"a": NOW}
    )

    first, second = run(nodes, healed, under=ONE)

    assert our_taints(first) == {}
    assert status(first) == "False"
    assert our_taints(second) != {}


def test_a_freed_place_goes_to_who_was_waiting() -> None:
    both = sight(lost_gpu("a"), lost_gpu("b"), nodes="ab")
    healed = replace(
        sight(lost_gpu("b"), nodes="ab", proven=[("GpuFellOffBus", "a", "GPU-a")], boots={"a": NOW})
    )

    first, second = run([node("a"), node("b")], both, healed, healed, under=ONE)

    assert our_taints(first) == {}
    assert our_taints(second) != {}
    assert "applied" in (second.devices or "")


def test_the_ledger_tells_size_use_and_what_is_withheld() -> None:
    seen = sight(*(lost_gpu(name) for name in "abcd"), nodes="abcde")

    decision = decide([node(name) for name in "abcde"], seen, policy(budget="40%"), {})

    assert decision.ledger.size == 2
    assert decision.ledger.taken == {"a", "b"}
    assert decision.ledger.withheld == {"c": "fleet", "d": "fleet"}


def test_unmanaged_nodes_are_not_in_the_denominator() -> None:
    nodes = [node(f"n{i}", managed=i < 10) for i in range(20)]

    decision = decide(nodes, sight(), policy(budget="50%"), {})

    assert decision.ledger.size == 5
