"""HCAs on the wrong leaf, and switches by their distance from the nodes."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.fabric.network import Network
from exporters.fabric.rails import judge, places
from exporters.fabric.tiers import role, tiers
from testbed.ibsim import Fabric, fat_tree, rails
from tests.budget import examples
from tests.exporters.fabric.networks import network


def misplaced(fabric: Fabric) -> set[tuple[str, str, str]]:
    """Return HCA, its leaf, and the leaf it should hang on."""
    of = network(fabric)
    verdict = judge(places(of))
    return {(p.name, p.leaf.name, of.nodes[right].name) for p, right in verdict.misplaced}


def roles(of: Network) -> dict[str, str]:
    found = tiers(of)
    return {s.name: role(found.get(s.guid)) for s in of.kind("switch")}


@pytest.mark.parametrize(
    "fabric",
    [
        rails(units=2, hosts=3, indices=8),
        fat_tree(leaves=3, hosts=4, indices=4),
        fat_tree(leaves=2, hosts=2),
    ],
)
def test_a_fabric_as_it_was_meant_has_no_hca_on_the_wrong_leaf(fabric: Fabric) -> None:
    assert misplaced(fabric) == set()


def test_two_crossed_cables_of_a_host_are_both_named_with_the_right_leaves() -> None:
    fabric = rails(hosts=4, indices=8).crossed(("node-0-2 mlx5_3", 1), ("node-0-2 mlx5_5", 1))

    assert misplaced(fabric) == {
        ("node-0-2 mlx5_3", "leaf-0-5", "leaf-0-3"),
        ("node-0-2 mlx5_5", "leaf-0-3", "leaf-0-5"),
    }


def test_a_cable_to_another_units_leaf_of_the_same_index_is_named() -> None:
    one, other = ("node-0-1 mlx5_2", 1), ("node-1-0 mlx5_2", 1)
    fabric = rails(units=2, hosts=4, indices=8).crossed(one, other)

    assert misplaced(fabric) == {
        ("node-0-1 mlx5_2", "leaf-1-2", "leaf-0-2"),
        ("node-1-0 mlx5_2", "leaf-0-2", "leaf-1-2"),
    }


def test_hosts_that_no_two_neighbours_can_judge_are_not_judged() -> None:
    crossed = rails(hosts=2, indices=8).crossed(("node-0-0 mlx5_1", 1), ("node-0-0 mlx5_2", 1))

    verdict = judge(places(network(crossed)))

    assert verdict.misplaced == ()
    assert (verdict.judged, verdict.unjudged) == (0, 16)


def test_hcas_counted_from_one_have_the_same_index_as_those_counted_from_zero() -> None:
    of = network(rails(hosts=3, indices=4))
    named = {
        guid: replace(node, name=f"{node.name[:8]} HCA-{int(node.name[-1]) + 1}")
        if node.name.startswith("node-0-1")
        else node
        for guid, node in of.nodes.items()
    }

    verdict = judge(places(Network(nodes=named)))

    assert verdict.misplaced == ()
    assert verdict.judged == 12


def test_an_hca_whose_description_names_no_host_is_not_judged() -> None:
    of = network(rails(hosts=4, indices=4))
    first = min(node.guid for node in of.kind("hca"))
    anonymous = replace(of.nodes[first], name="MT4129 ConnectX7   Mellanox Technologies")

    verdict = judge(places(Network(nodes={**of.nodes, first: anonymous})))

    assert verdict.misplaced == ()
    assert verdict.unjudged == 1


def test_leaves_spines_and_cores() -> None:
    under = fat_tree(leaves=2, hosts=4, spines=2)
    fabric = replace(
        under,
        switches={**under.switches, "spine-0": 3, "core-0": 1, "lonely": 4},
        links={**under.links, ("spine-0", 3): ("core-0", 1)},
    )

    assert roles(network(fabric)) == {
        "leaf-0": "leaf", "leaf-1": "leaf", "spine-0": "spine", "spine-1": "spine",
        "core-0": "core", "lonely": "unknown",
    }  # fmt: skip


def test_a_manager_on_a_spine_makes_it_no_leaf() -> None:
    under = fat_tree(leaves=2, hosts=4, spines=2)
    fabric = replace(
        under,
        switches={**under.switches, "spine-0": 3},
        hcas={**under.hcas, "ufm mlx5_0": 1},
        links={**under.links, ("ufm mlx5_0", 1): ("spine-0", 3)},
    )

    assert roles(network(fabric))["spine-0"] == "spine"


@given(data=st.data())
@settings(max_examples=examples(60), deadline=None)
def test_one_cable_anywhere_wrong_is_the_only_one_named(data: st.DataObject) -> None:
    fabric = rails(units=2, hosts=4, indices=6)
    hca = data.draw(st.sampled_from(sorted(fabric.hcas)))
    right = fabric.peers[hca, 1][0]
    wrong = data.draw(st.sampled_from([s for s in fabric.switches if s not in (right, "spine-0")]))
    pulled = fabric.without((hca, 1))
    free = fabric.switches[wrong] + 1
    moved = replace(
        pulled,
        switches={**pulled.switches, wrong: free},
        links={**pulled.links, (hca, 1): (wrong, free)},
    )

    assert misplaced(moved) == {(hca, wrong, right)}
