"""What is believed of nodes, from fabrics, LLDP and labels, in any order."""

import random
import string
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.domains import label_value
from catalog.rails import parse_rails
from scheduler_feedback.publish.documents import FabricDocument, NodeDocument
from scheduler_feedback.publish.merge import Seen, Sight, merge
from scheduler_feedback.publish.names import object_name
from scheduler_feedback.publish.node import Belief, Node, change, read_node
from testbed.ibsim import Fabric, fat_tree, rails
from tests.budget import examples
from tests.scheduler_feedback.publish.worlds import (
    by_lldp,
    fabric_document,
    node,
    node_object,
    on_fabric,
    port,
    sight,
)


def believe(
    documents: Mapping[str, NodeDocument],
    *fabrics: FabricDocument,
    blind: bool = False,
    nodes: Mapping[str, Node] | None = None,
) -> dict[str, Belief]:
    known = [(nodes or {}).get(name, node(name)) for name in documents]
    return merge(known, sight(documents, *fabrics, blind=blind))


def on_rails(
    fabric: Fabric, units: int = 2, hosts: int = 3, indices: int = 4
) -> tuple[FabricDocument, dict[str, NodeDocument]]:
    document = fabric_document(fabric)
    names = [f"node-{unit}-{host}" for unit in range(units) for host in range(hosts)]
    return document, {name: on_fabric(document, name, indices) for name in names}


def test_a_rail_optimised_fabric_has_a_unit_a_tier_and_the_spines_above() -> None:
    fabric, documents = on_rails(rails(units=2, hosts=3, indices=4))

    found = believe(documents, fabric)

    assert found["node-0-0"].tiers == ("leaf-0-0", "spine-0")
    assert found["node-0-2"].tiers == ("leaf-0-0", "spine-0")
    assert found["node-1-1"].tiers == ("leaf-1-0", "spine-0")
    assert {belief.source for belief in found.values()} == {"fabric"}


def test_a_fat_tree_has_its_leaves() -> None:
    fabric = fabric_document(fat_tree(leaves=3, hosts=2, indices=2))
    documents = {
        f"node-{n}-{h}": on_fabric(fabric, f"node-{n}-{h}", 2) for n in range(3) for h in range(2)
    }

    found = believe(documents, fabric)

    assert {name: belief.tiers for name, belief in found.items()} == {
        f"node-{n}-{h}": (f"leaf-{n}", "spine-0") for n in range(3) for h in range(2)
    }


def test_three_tiers_of_switches_make_three_tiers() -> None:
    """Two pods of two leaves and a spine, joined by one core."""
    links = {(f"node-{n} mlx5_0", 1): (f"leaf-{n}", 1) for n in range(4)}
    links |= {(f"leaf-{n}", 2): (f"spine-{n // 2}", 1 + n % 2) for n in range(4)}
    links |= {(f"spine-{n}", 3): ("core-0", 1 + n) for n in range(2)}
    switches = {f"leaf-{n}": 2 for n in range(4)} | {f"spine-{n}": 3 for n in range(2)}
    fabric = fabric_document(
        Fabric(
            switches={**switches, "core-0": 2},
            hcas={f"node-{n} mlx5_0": 1 for n in range(4)},
            links=links,
        )
    )

    found = believe({f"node-{n}": on_fabric(fabric, f"node-{n}", 1) for n in range(4)}, fabric)

    assert [found[f"node-{n}"].tiers for n in range(4)] == [
        ("leaf-0", "spine-0", "core-0"),
        ("leaf-1", "spine-0", "core-0"),
        ("leaf-2", "spine-1", "core-0"),
        ("leaf-3", "spine-1", "core-0"),
    ]


def test_a_fabric_that_knows_hosts_by_name_serves_exporters_that_tell_no_guid() -> None:
    fabric, documents = on_rails(rails(units=2, hosts=2, indices=3), hosts=2, indices=3)
    bare = {
        f"{name}.cluster.example": replace(d, ports=tuple(replace(p, guid="") for p in d.ports))
        for name, d in documents.items()
    }

    found = believe(bare, fabric)

    assert found["node-1-0.cluster.example"].tiers == ("leaf-1-0", "spine-0")


def test_a_crossed_cable_costs_its_node_alone_its_tiers() -> None:
    good = rails(units=2, hosts=4, indices=4)
    crossed = good.crossed(("node-0-0 mlx5_1", 1), ("node-1-0 mlx5_1", 1))
    fabric, documents = on_rails(crossed, hosts=4)

    found = believe(documents, fabric)

    assert {n: b.reason for n, b in found.items() if b.reason} == {
        "node-0-0": "miscabled",
        "node-1-0": "miscabled",
    }
    assert "mlx5_1" in found["node-0-0"].detail
    assert found["node-0-1"].tiers == ("leaf-0-0", "spine-0")
    assert parse_rails(found["node-0-0"].rails) is not None


def test_without_a_fabrics_word_the_way_of_fewer_nodes_gives_way() -> None:
    first, second = ("a0", "a1", "a2"), ("b0", "b1", "b2")
    documents = {f"a{n}": by_lldp(*first) for n in range(3)}
    documents |= {f"b{n}": by_lldp(*second) for n in range(2)}
    documents["odd"] = by_lldp("a0", "a1", "b2")

    found = believe(documents)

    assert found["odd"].reason == "contradictory"
    assert found["a0"].tiers == ("a0",)
    assert found["b1"].tiers == ("b0",)
    assert {b.source for b in found.values()} == {"lldp", ""}


def test_of_as_many_on_either_side_neither_is_believed() -> None:
    found = believe({"one": by_lldp("a", "b"), "other": by_lldp("a", "c")})

    assert [belief.reason for belief in found.values()] == ["contradictory"] * 2


def test_a_rail_that_is_not_known_leaves_a_node_with_the_others() -> None:
    documents = {f"n{n}": by_lldp("l0", "l1", "l2") for n in range(2)}
    documents["dark"] = by_lldp("l0", "", "l2")
    documents["swapped"] = by_lldp("l0", "l2", "l1")

    found = believe(documents)

    assert {belief.tiers for belief in found.values()} == {("l0",)}


def test_two_fabrics_that_disagree_are_not_believed() -> None:
    one, documents = on_rails(rails(units=1, hosts=2, indices=3), units=1, hosts=2, indices=3)
    guid = documents["node-0-0"].ports[0].guid
    other = replace(
        one, leaves={**one.leaves, guid: next(g for g in one.switches if g != one.leaves[guid])}
    )

    found = believe(documents, one, other)

    assert found["node-0-0"].reason == "contradictory"
    assert found["node-0-1"].tiers == ("leaf-0-0", "spine-0")


def test_a_node_that_claims_anothers_port_takes_nobodys_place() -> None:
    fabric, documents = on_rails(rails(units=1, hosts=3, indices=3), units=1, indices=3)
    documents["liar"] = documents["node-0-0"]

    found = believe(documents, fabric)

    assert found["liar"].reason == found["node-0-0"].reason == "contradictory"
    assert found["node-0-1"].tiers


def test_labels_of_others_stand_in_where_nothing_better_is_known() -> None:
    told = {"fabric.topograph.run/tier-0": "l1", "fabric.topograph.run/tier-1": "s1"}
    old = {"network.topology.nvidia.com/leaf": "l2", "network.topology.nvidia.com/spine": "s1"}
    nodes = {
        "new": node("new", labels=told),
        "old": node("old", labels=old),
        "own": node("own", labels=told),
    }
    documents = {"new": by_lldp(), "old": by_lldp(), "own": by_lldp("leaf")}

    found = believe(documents, nodes=nodes)

    assert (found["new"].tiers, found["new"].source) == (("l1", "s1", ""), "foreign")
    assert found["old"].tiers == ("", "l2", "s1")
    assert (found["own"].tiers, found["own"].source) == (("leaf",), "lldp")


def test_a_label_of_others_that_contradicts_most_is_not_believed() -> None:
    def told(spine: str) -> dict[str, str]:
        return {"fabric.topograph.run/tier-0": "l1", "fabric.topograph.run/tier-1": spine}

    nodes = {f"n{n}": node(f"n{n}", labels=told("s2" if n == 0 else "s1")) for n in range(3)}

    found = believe(dict.fromkeys(nodes, by_lldp()), nodes=nodes)

    assert [found[f"n{n}"].tiers for n in range(3)] == [(), ("l1", "s1"), ("l1", "s1")]
    assert found["n0"].reason == "contradictory"


@pytest.mark.parametrize("source", ["", "none", "declared"])
def test_labels_that_somebody_set_by_hand_are_left_alone(source: str) -> None:
    """They stand; only the rails are added."""
    hand = node("hand", tiers=("rack-7",), source=source)
    found = believe({"hand": by_lldp("leaf")}, nodes={"hand": hand})["hand"]

    patch = change(hand, found)

    assert (found.tiers, found.source) == (("rack-7",), "declared")
    assert set(patch["metadata"]) == {"annotations"}


def test_a_blind_node_keeps_what_it_has_and_another_loses_it() -> None:
    labelled = [node(name, ("leaf", "spine"), "fabric") for name in ("blind", "lost")]
    seen = {"blind": Seen(blind=True), "lost": Seen(reason="unreachable")}

    found = merge(labelled, Sight(nodes=seen))

    assert change(labelled[0], found["blind"]) == {}
    assert found["lost"].reason == "unreachable"
    assert change(labelled[1], found["lost"]) == {
        "metadata": {
            "labels": {
                "topology.railwatch.io/tier-0": None,
                "topology.railwatch.io/tier-1": None,
            },
            "annotations": {"railwatch.io/topology-source": None},
        }
    }


@pytest.mark.parametrize("blind", [True, False])
def test_while_a_fabric_cannot_be_seen_its_nodes_keep_what_they_have(*, blind: bool) -> None:
    documents = {"ib": NodeDocument(gpus=(0,), ports=(port(0, guid="1"),)), "none": by_lldp()}

    found = believe(documents, blind=blind)

    assert found["ib"].kept == blind
    assert found["ib"].reason == ("" if blind else "no_leaf")
    assert found["none"].reason == "no_rails"


def test_a_domain_keeps_its_name_when_the_switch_that_gave_it_is_gone() -> None:
    before = {name: node(name, ("leaf-0",), "lldp") for name in ("a", "b")}
    documents = dict.fromkeys(before, by_lldp("", "leaf-1"))

    assert believe(documents, nodes=before)["a"].tiers == ("leaf-0",)
    elsewhere = {**documents, "c": by_lldp("leaf-0")}
    found = believe(elsewhere, nodes={**before, "c": node("c")})
    assert (found["a"].tiers, found["c"].tiers) == (("leaf-1",), ("leaf-0",))


def test_whom_a_dead_leaf_has_cut_off_is_still_told() -> None:
    up = by_lldp("leaf-0")
    down = replace(up, ports=tuple(replace(p, leaf="", active=False) for p in up.ports))
    deaf = replace(up, ports=tuple(replace(p, leaf="") for p in up.ports))
    before = {name: node(name, ("leaf-0",), "lldp") for name in ("cut-off", "silent")}

    found = believe({"cut-off": down, "silent": deaf}, nodes=before)

    assert change(before["cut-off"], found["cut-off"]) == {}
    assert (found["silent"].kept, found["silent"].reason) == (False, "no_leaf")


def test_the_leaf_of_a_port_that_is_down_is_the_one_that_it_was_on() -> None:
    whole = by_lldp("leaf-0", "leaf-1", "leaf-2")
    rails = believe({"a": whole})["a"].rails
    labelled = node("a", ("leaf-0",), "lldp", notes={"railwatch.io/rails": rails})
    down = replace(whole.ports[1], leaf="", active=False)
    deaf = replace(whole.ports[2], leaf="")
    partly = replace(whole, ports=(whole.ports[0], down, deaf))

    after = parse_rails(believe({"a": partly}, nodes={"a": labelled})["a"].rails)

    assert after is not None
    assert [each.leaf for each in after.ports] == ["leaf-0", "leaf-1", ""]


def test_switches_that_are_called_alike_are_told_apart() -> None:
    fabric = fabric_document(fat_tree(leaves=2, hosts=2))
    alike = replace(
        fabric,
        switches={g: replace(s, name="MF0;switch:MQM9700/U1") for g, s in fabric.switches.items()},
    )
    documents = {f"node-{n}-0": on_fabric(alike, f"node-{n}-0", 1) for n in range(2)}

    found = believe(documents, alike)

    names = {found[name].tiers[0] for name in documents}
    assert len(names) == 2
    assert all(name.startswith("MF0-switch-MQM9700-U1-") for name in names)


@given(st.text(max_size=200), st.text(max_size=200))
@settings(max_examples=examples(60), deadline=None)
def test_names_are_valid_and_unlike_for_unlike_switches(one: str, other: str) -> None:
    values = [label_value(name) for name in (one, other)]

    for value in values:
        assert 0 < len(value) <= 63
        assert value[0].isalnum()
        assert value[-1].isalnum()
        assert set(value) <= set(string.ascii_letters + string.digits + "-_.")
    assert (values[0] == values[1]) == (one == other)


_VALUE = st.from_regex(r"\A[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?\Z")


@given(_VALUE, _VALUE)
@settings(max_examples=examples(60), deadline=None)
def test_names_of_objects_are_those_of_rfc_1123_and_one_a_domain(one: str, other: str) -> None:
    names = [object_name(value) for value in (one, other)]

    for name in names:
        assert all(
            part and part[0].isalnum() and part[-1].isalnum() and part == part.lower()
            for part in f"railwatch-t0-{name}".split(".")
        )
        assert "_" not in name
    assert (names[0] == names[1]) == (one == other)


_LEAF = st.sampled_from(["", "l0", "l1", "l2", "l3", "L/4"])
_WORLD = st.lists(st.lists(_LEAF, max_size=4), max_size=9)


@given(_WORLD, st.randoms(use_true_random=False))
@settings(max_examples=examples(80), deadline=None)
def test_the_order_in_which_nodes_are_read_means_nothing(
    world: list[list[str]], order: random.Random
) -> None:
    documents = {f"n{n}": by_lldp(*leaves) for n, leaves in enumerate(world)}
    shuffled = list(documents.items())
    order.shuffle(shuffled)

    assert believe(dict(shuffled)) == believe(documents)


@given(_WORLD)
@settings(max_examples=examples(80), deadline=None)
def test_no_tier_is_invented_and_one_that_is_written_is_believed_again(
    world: list[list[str]],
) -> None:
    documents = {f"n{n}": by_lldp(*leaves) for n, leaves in enumerate(world)}
    found = believe(documents)

    for name, belief in found.items():
        told = {port.leaf for port in documents[name].ports if port.leaf}
        assert bool(belief.tiers) != bool(belief.reason)
        assert not (belief.tiers and not told)
        assert len(belief.tiers) <= 1
    called = {label_value(leaf) for leaves in world for leaf in leaves if leaf}
    assert {tier for belief in found.values() for tier in belief.tiers} <= called
    for one in found:  # of one leaf on both, and both believed: one domain
        for other in found:
            if (
                found[one].tiers
                and found[other].tiers
                and _shares(documents[one], documents[other])
            ):
                assert found[one].tiers == found[other].tiers
    assert _again(documents, found) == found


def _shares(one: NodeDocument, other: NodeDocument) -> bool:
    return bool({p.leaf for p in one.ports if p.leaf} & {p.leaf for p in other.ports if p.leaf})


def _again(documents: Mapping[str, NodeDocument], found: Mapping[str, Belief]) -> Any:
    """What is believed once all of it is written, which then needs no further change."""
    written = {}
    for name, belief in found.items():
        patch = change(node(name), belief)
        made = node_object(name)
        for part, changed in patch.get("metadata", {}).items():
            made["metadata"][part] |= changed
        written[name] = read_node(made)
    again = believe(documents, nodes=written)
    assert all(not change(written[name], belief) for name, belief in again.items())
    return again
