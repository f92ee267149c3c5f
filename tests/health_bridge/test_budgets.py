"""Budgets of parts of the fleet, of avoiding, and of how fast nodes are taken."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from catalog.verdicts import Verdict
from health_bridge.decision.decide import decide
from health_bridge.decision.limits import Rate, label_budget, rate, share, tier_budget
from health_bridge.decision.nodes import Node
from health_bridge.decision.record import Owned, read_record
from tests.health_bridge.worlds import (
    NOW,
    VERIFYING,
    lost_gpu,
    node,
    our_taints,
    policy,
    racks,
    run,
    sight,
    status,
)

LOST = {"gpu-unavailable": ("drain", "NoSchedule")}
ALL_LOST = [lost_gpu(name, since=NOW - 60 + i) for i, name in enumerate("abcdefgh")]


def taken(nodes: Sequence[Node]) -> str:
    return "".join(each.name for each in nodes if our_taints(each))


def withheld_by(at: Node) -> set[str]:
    return {fault.withheld_by for fault in read_record(at.devices, at.owned).faults}


def test_each_domain_of_a_tier_has_its_own_budget() -> None:
    nodes = racks({"leaf-1": "abcd", "leaf-2": "efgh"})
    seen = sight(*ALL_LOST, nodes="abcdefgh")

    after = run(nodes, seen, under=policy(tiers=(("0", "50%"),)))

    assert taken(after) == "abef"
    assert withheld_by(after[2]) == {"tier-0"}
    assert all(status(each) == "True" for each in after)
    assert "drain withheld (tier-0)" in after[2].conditions["GpuUnavailable"].message


def test_several_tiers_all_have_a_say() -> None:
    nodes = racks({"leaf-1": "abcd", "leaf-2": "efgh"})
    seen = sight(*ALL_LOST, nodes="abcdefgh")

    after = run(nodes, seen, under=policy(tiers=(("0", "2"), ("1", "3"))))

    assert taken(after) == "abe"
    assert [withheld_by(after[i]) for i in (2, 5)] == [{"tier-0"}, {"tier-1"}]


def test_each_value_of_a_label_has_its_own_budget() -> None:
    pools = {"a": "train", "b": "train", "c": "train", "d": "serve"}
    nodes = [node(name, labels={"pool": pool}) for name, pool in pools.items()]
    seen = sight(*ALL_LOST[:4], nodes="abcd")

    after = run(nodes, seen, under=policy(labels=(("pool", "1"),)))

    assert taken(after) == "ad"
    assert withheld_by(after[1]) == {"label:pool"}


def test_nodes_outside_of_tiers_and_labels_answer_to_the_fleet_alone() -> None:
    under = policy(tiers=(("0", "1"),), labels=(("pool", "1"),), budget="2")

    after = run([node(name) for name in "abc"], sight(*ALL_LOST[:3], nodes="abc"), under=under)

    assert taken(after) == "ab"


@pytest.mark.parametrize("away", [{"cordoned": True}, {"ready": False}])
def test_nodes_that_others_took_count_in_their_domain(away: dict[str, bool]) -> None:
    nodes = [*racks({"leaf-1": "a"}, **away), *racks({"leaf-1": "bc"})]

    after = run(nodes, sight(lost_gpu("b"), nodes="abc"), under=policy(tiers=(("0", "1"),)))

    assert taken(after) == ""


def test_what_others_took_is_not_ours_beyond_the_budget_once_they_give_it_back() -> None:
    nodes = [node(name, cordoned=name in "ab") for name in "abc"]
    seen = sight(lost_gpu("a"), lost_gpu("b"), nodes="abc")
    under = policy(budget="1")

    held = run(nodes, seen, under=under)
    given_back = run([replace(each, cordoned=False) for each in held], seen, under=under)

    assert [bool(our_taints(each)) for each in held] == [False, False, False]
    assert [bool(our_taints(each)) for each in given_back] == [True, False, False]
    roomy = run(nodes, seen, under=policy(budget="2"))
    assert [bool(our_taints(each)) for each in roomy] == [True, True, False]


def test_a_rate_spreads_the_takings_over_time() -> None:
    under = policy(rate=Rate(nodes="2", window=600.0))
    nodes = [node(name) for name in "abcdefgh"]

    def at(seconds: int, before: Sequence[Node]) -> list[Node]:
        return run(before, sight(*ALL_LOST, nodes="abcdefgh", now=NOW + seconds), under=under)

    first = at(0, nodes)
    restarted = at(599, first)
    later = at(600, restarted)

    assert (taken(first), taken(restarted), taken(later)) == ("ab", "ab", "abcd")
    assert withheld_by(first[2]) == {"rate"}
    assert read_record(None, later[3].owned).owned.taken == NOW + 600


def test_a_node_given_back_still_counts_in_the_rate() -> None:
    under = policy(rate=Rate(nodes="1", window=600.0))
    nodes = run([node("a"), node("b")], sight(lost_gpu("a"), nodes="ab"), under=under)
    healed = sight(nodes="ab", proven=[("GpuFellOffBus", "a", "GPU-a")], boots={"a": NOW})

    after = run(nodes, healed, sight(lost_gpu("b"), nodes="ab", now=NOW + 60), under=under)

    assert taken(after) == ""
    assert withheld_by(after[1]) == {"rate"}


def test_a_slow_burn_past_the_window_is_still_capped_by_the_fleets_budget() -> None:
    under = policy(rate=Rate(nodes="1", window=60.0), budget="3")
    nodes = [node(name) for name in "abcdefgh"]

    for hour in range(8):
        seen = sight(*ALL_LOST, nodes="abcdefgh", now=NOW + hour * 3600)
        nodes = run(nodes, seen, under=under)

    assert taken(nodes) == "abc"


def test_a_time_far_in_the_future_on_a_node_does_not_stop_the_bridge_for_ever() -> None:
    forged = node("a", owned=Owned(taken=NOW + 10**8).dump())

    after = run(
        [forged, node("b")],
        sight(lost_gpu("b"), nodes="ab"),
        under=policy(rate=Rate(nodes="1", window=600.0)),
    )

    assert taken(after) == "b"


def test_avoiding_has_a_budget_of_its_own() -> None:
    mild = [replace(each, verdict=Verdict.AVOID) for each in ALL_LOST[:4]]
    seen = sight(*mild, lost_gpu("e"), nodes="abcde")

    after = run([node(name) for name in "abcde"], seen, under=policy(avoid="2", budget="1"))

    assert taken(after) == "abe"
    assert withheld_by(after[2]) == {"avoid"}
    assert our_taints(after[4]) == LOST


def test_who_is_avoided_stays_so_when_that_budget_shrinks() -> None:
    mild = [replace(each, verdict=Verdict.AVOID) for each in ALL_LOST[:3]]
    seen = sight(*mild, nodes="abc")
    nodes = run([node(name) for name in "abc"], seen)

    assert run(nodes, seen, under=policy(avoid="1")) == nodes


def test_a_node_that_is_only_unverified_spends_nothing() -> None:
    under = policy(budget="1", proofs=VERIFYING, verify_nodes=True, started=float(NOW - 100))
    new = node("a", boot="b1", created=NOW - 10)

    after = run([new, node("b")], sight(lost_gpu("b"), nodes="ab"), under=under)

    assert [set(our_taints(each)) for each in after] == [
        {"accelerators-unverified"},
        {"gpu-unavailable"},
    ]


def test_the_levels_are_those_of_the_fullest_account() -> None:
    nodes = racks({"leaf-1": "abcd", "leaf-2": "efgh"})
    seen = sight(*ALL_LOST[:3], nodes="abcdefgh")

    ledger = decide(nodes, seen, policy(tiers=(("0", "4"),), budget="8"), {}).ledger

    levels = {kind: (level.used, level.size) for kind, level in ledger.levels.items()}
    assert levels == {"fleet": (3, 8), "avoid": (0, 8), "tier": (3, 4)}


def test_how_budgets_are_written() -> None:
    assert tier_budget("0=50%") == ("0", "50%")
    assert label_budget("kueue.x-k8s.io/queue=3") == ("kueue.x-k8s.io/queue", "3")
    assert rate("5%/10m") == Rate(nodes="5%", window=600.0)
    assert rate("") is None
    assert share("50%") == 0.5


@pytest.mark.parametrize("text", ["0", "x=1", "-1=1", "0=", "0=0", "²=1"])
def test_a_tier_budget_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not|is neither"):
        tier_budget(text)


@pytest.mark.parametrize("text", ["pool", "=1", "pool=", "a b=1", "pool=0%", "-x=1"])
def test_a_label_budget_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not|is neither"):
        label_budget(text)


@pytest.mark.parametrize("text", ["5", "5%", "5%/", "5%/x", "0/10m", "/10m", "5/0"])
def test_a_rate_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not|is neither"):
        rate(text)


@pytest.mark.parametrize("text", ["", "50", "101%", "-1%", "x%"])
def test_a_share_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a percentage"):
        share(text)
