"""Faults of a leaf, a spine, a line: whom they mean, and when many are one."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from catalog.faults import Scope
from catalog.verdicts import Verdict
from health_bridge.decision.alerts import Finding, read_prometheus
from health_bridge.decision.decide import decide, questions
from health_bridge.decision.nodes import Node
from health_bridge.decision.record import read_record
from health_bridge.decision.sight import Sight, Witness
from tests.health_bridge.worlds import (
    ALL,
    LINE,
    NOW,
    SOURCE,
    WIDE,
    leaf_down,
    link_down,
    node,
    our_taints,
    policy,
    racks,
    run,
    sight,
    status,
)

ON = policy(proofs=WIDE)
CORDONED = {"fabric-fault": ("cordon", "NoSchedule")}
FABRIC = frozenset({"fabric/links", "uplink/probe"})


def seen(
    *findings: Finding,
    names: str,
    now: float = NOW,
    proven: Sequence[tuple[str, str, str]] = (),
    down: Sequence[str] = (),
) -> Sight:
    """What one Prometheus says that also sees the fabric, from a node called `switchboard`."""
    witness = Witness(
        observed={**dict.fromkeys(names, ALL), "switchboard": FABRIC},
        proven=frozenset((*each, 1) for each in proven),
    )
    return Sight(now=now, findings=findings, witnesses={SOURCE: witness}, down=frozenset(down))


def taints(nodes: Sequence[Node]) -> dict[str, dict[str, tuple[str, str]]]:
    return {each.name: our_taints(each) for each in nodes if our_taints(each)}


def test_an_alert_about_a_domain_is_told_on_each_of_its_nodes_and_on_no_other() -> None:
    nodes = racks({"leaf-1": "abc", "leaf-2": "de"})

    after = run(nodes, seen(leaf_down("leaf-1"), names="abcde"), under=ON)

    assert taints(after) == dict.fromkeys("abc", CORDONED)
    assert [status(each, "FabricFault") for each in after] == ["True"] * 3 + ["False"] * 2
    assert "domain leaf-1 (domain:leaf-1): cordon applied" in (
        after[0].conditions["FabricFault"].message
    )


def test_a_wider_tier_means_all_below_it() -> None:
    nodes = [*racks({"leaf-1": "ab", "leaf-2": "c"}), node("z", tiers={1: "other"})]

    after = run(nodes, seen(leaf_down("spine"), names="abcz"), under=ON)

    assert set(taints(after)) == set("abc")


def test_a_name_in_two_tiers_is_of_the_nearer_one() -> None:
    nodes = [node("a", tiers={0: "x", 1: "top"}), node("b", tiers={0: "y", 1: "x"})]

    after = run(nodes, seen(leaf_down("x"), names="ab"), under=ON)

    assert set(taints(after)) == {"a"}


def test_a_place_that_nobody_is_in_is_counted() -> None:
    decision = decide(racks({"leaf-1": "a"}), seen(leaf_down("nowhere"), names="a"), ON, {})

    assert decision.unknown_places == 1
    assert decision.faults == {}


def test_a_line_means_the_nodes_labelled_as_behind_it() -> None:
    lossy = leaf_down(
        "aws",
        device="line:aws",
        fault="UplinkLossy",
        condition="UplinkDegraded",
        scope=Scope.LINE,
        verdict=Verdict.AVOID,
    )
    nodes = [node("a", labels={LINE: "aws"}), node("b", labels={LINE: "gcp"}), node("c")]

    after = run(nodes, seen(lossy, names="abc"), under=ON)

    assert taints(after) == {"a": {"uplink-degraded": ("avoid", "PreferNoSchedule")}}
    assert [status(each, "UplinkDegraded") for each in after] == ["True", "False", None]


def test_its_proof_is_asked_by_its_name_and_clears_it_on_every_node() -> None:
    nodes = run(racks({"leaf-1": "abc"}), seen(leaf_down("leaf-1"), names="abc"), under=ON)
    quiet = seen(names="abc", now=NOW + 60)
    proven = seen(names="abc", now=NOW + 60, proven=[("LeafDown", "", "domain:leaf-1")])

    asked = questions(nodes, quiet, ON)
    held = run(nodes, quiet, under=ON)
    after = run(nodes, proven, under=ON)

    assert asked.proofs == {("LeafDown", 1): frozenset({"leaf-1"})}
    assert taints(held) == dict.fromkeys("abc", CORDONED)
    assert taints(after) == {}
    assert status(after[0], "FabricFault") == "False"


def test_a_prometheus_that_is_down_holds_up_the_recovery_of_a_domain() -> None:
    nodes = run(racks({"leaf-1": "a"}), seen(leaf_down("leaf-1"), names="a"), under=ON)

    (after,) = run(
        nodes,
        seen(names="a", proven=[("LeafDown", "", "domain:leaf-1")], down=["http://other"]),
        under=ON,
    )

    assert status(after, "FabricFault") == "True"


def test_alerts_of_domains_and_lines_are_read_by_their_label() -> None:
    told = {"alertstate": "firing", "fault": "LeafDown", "condition": "FabricFault"}
    good = {**told, "domain": "leaf-1", "verdict": "drain"}

    reading = read_prometheus([good, {**told, "node": "a", "verdict": "drain"}], WIDE, "", {})

    (finding,) = reading.findings
    assert (finding.node, finding.scope, finding.place) == ("", Scope.DOMAIN, "leaf-1")
    assert (finding.device, finding.verdict) == ("domain:leaf-1", Verdict.CORDON)
    assert reading.skipped == {"malformed": 1}


def down(names: str) -> list[Finding]:
    return [link_down(name) for name in names]


def test_a_domain_whose_nodes_fail_together_is_one_fault() -> None:
    nodes = racks({"leaf-1": "abcd", "leaf-2": "efgh"})

    after = run(nodes, seen(*down("abce"), names="abcdefgh"), under=ON)

    assert taints(after) == {
        **dict.fromkeys("abc", CORDONED),
        "e": {"rdma-link-down": ("cordon", "NoSchedule")},
    }
    first = after[0]
    assert (status(first, "RdmaLinkDown"), status(first, "FabricFault")) == ("True", "True")
    assert first.conditions["FabricFault"].reason == "NodesFailTogether"
    narrow = next(f for f in read_record(first.devices, None).faults if f.device == "guid-a")
    assert (narrow.action, narrow.withheld_by) == ("withheld", "domain:leaf-1")
    assert status(after[3], "FabricFault") == "False"


@pytest.mark.parametrize(
    ("names", "share"),
    [("ab", 0.5), ("abc", 0.0), ("abc", 0.9)],
    ids=["fewer than three", "turned off", "below the share"],
)
def test_below_the_threshold_each_is_its_own(names: str, share: float) -> None:
    nodes = racks({"leaf-1": "abcd"})

    after = run(
        nodes, seen(*down(names), names="abcd"), under=replace(ON, domain_share=share, tiers=())
    )

    own = {"rdma-link-down": ("cordon", "NoSchedule")}
    assert taints(after) == dict.fromkeys(names, own)


def test_faults_of_gpus_are_never_the_fabrics() -> None:
    lost = [link_down(n, fault="GpuFellOffBus", condition="GpuUnavailable") for n in "abc"]

    after = run(racks({"leaf-1": "abc"}), seen(*lost, names="abc"), under=ON)

    assert {key for each in taints(after).values() for key in each} == {"gpu-unavailable"}


def test_it_stays_one_fault_until_the_last_of_its_nodes_has_recovered() -> None:
    nodes = run(racks({"leaf-1": "abcd"}), seen(*down("abc"), names="abcd"), under=ON)
    healed = [("RdmaLinkDown", name, f"guid-{name}") for name in "abc"]

    one_left = run(nodes, seen(*down("c"), names="abcd", proven=healed), under=ON)
    after = run(one_left, seen(names="abcd", proven=healed), under=ON)

    assert taints(one_left) == {"c": CORDONED}
    assert taints(after) == {}
    assert status(after[2], "FabricFault") == "False"


def test_one_that_joins_is_of_the_domain_too() -> None:
    nodes = run(racks({"leaf-1": "abcd"}), seen(*down("abc"), names="abcd"), under=ON)

    after = run(nodes, seen(*down("abcd"), names="abcd"), under=ON)

    assert taints(after) == dict.fromkeys("abcd", CORDONED)


def test_a_domain_spends_its_own_budget_once_and_the_fleets_for_each_node() -> None:
    under = replace(ON, tiers=(("0", "1"),), budget="100%")
    nodes = racks({"leaf-1": "abcd", "leaf-2": "efgh"})
    alerts = [*down("abcef")]

    after = run(nodes, seen(*alerts, names="abcdefgh"), under=under)
    tight = run(nodes, seen(*alerts, names="abcdefgh"), under=replace(under, budget="2"))

    assert set(taints(after)) == set("abce")
    assert set(taints(tight)) == set("ab")
    by = {f.withheld_by for f in read_record(after[5].devices, None).faults}
    assert by == {"tier-0"}


def test_a_leaf_of_a_domain_spends_the_domains_budget_once() -> None:
    under = replace(ON, tiers=(("0", "1"),), budget="100%")
    nodes = [node(name, tiers={0: "leaf-0"}, leaves=("leaf-0", "leaf-7")) for name in "abc"]

    after = run(nodes, seen(leaf_down("leaf-7"), names="abc"), under=under)

    assert taints(after) == dict.fromkeys("abc", CORDONED)


def test_a_leaf_means_the_nodes_on_it_and_those_of_its_domain_that_tell_no_leaves() -> None:
    nodes = [
        node("on-it", tiers={0: "leaf-0"}, leaves=("leaf-0", "leaf-1")),
        node("elsewhere", tiers={0: "leaf-0"}, leaves=("leaf-1",)),
        node("silent", tiers={0: "leaf-0"}),
    ]

    after = run(nodes, seen(leaf_down("leaf-0"), names=""), under=ON)

    assert set(taints(after)) == {"on-it", "silent"}


def test_without_a_proof_for_the_fabric_the_condition_goes_when_it_is_over() -> None:
    nodes = run(racks({"leaf-1": "abc"}), sight(*down("abc"), nodes="abc"))
    healed = [("RdmaLinkDown", name, f"guid-{name}") for name in "abc"]

    after = run(nodes, *[sight(nodes="abc", proven=healed)] * 2)

    assert [set(each.conditions) for each in after] == [{"GpuUnavailable", "RdmaLinkDown"}] * 3
    assert taints(after) == {}
