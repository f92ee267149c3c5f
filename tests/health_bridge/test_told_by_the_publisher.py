"""Whom the alert of a leaf means, where the publisher has said which leaves each node is on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from health_bridge.decision.decide import decide
from health_bridge.decision.nodes import Node, read_node
from health_bridge.decision.sight import Sight, Witness
from scheduler_feedback.publish.documents import FabricDocument, NodeDocument
from scheduler_feedback.publish.merge import merge
from scheduler_feedback.publish.node import change
from scheduler_feedback.publish.node import read_node as read_published
from testbed.ibsim import Fabric, fat_tree, rails
from tests.health_bridge import worlds
from tests.scheduler_feedback.publish.worlds import (
    fabric_document,
    node_object,
    on_fabric,
    sight,
)

FACTORY_NAME = "MF0;{}:MQM9700/U1"
"""What a switch calls itself until somebody gives it another name."""


def named(fabric: FabricDocument, name: str) -> FabricDocument:
    switches = {g: replace(s, name=name.format(s.name)) for g, s in fabric.switches.items()}
    return replace(fabric, switches=switches)


def published(
    objects: Sequence[dict[str, Any]],
    fabric: FabricDocument,
    documents: Mapping[str, NodeDocument],
) -> None:
    """Write on the objects what is believed of them."""
    nodes = [read_published(each) for each in objects]
    beliefs = merge(nodes, sight(documents, fabric))
    for each, node in zip(objects, nodes, strict=True):
        patch = change(node, beliefs[node.name]).get("metadata", {})
        for part, values in patch.items():
            kept = {**each["metadata"][part], **values}
            each["metadata"][part] = {key: value for key, value in kept.items() if value}


def told(objects: Sequence[Mapping[str, Any]], leaf: str) -> set[str]:
    """The nodes that the bridge tells of a leaf's fault."""
    nodes: list[Node] = [read_node(each, worlds.KEYS) for each in objects]
    observed = {
        **dict.fromkeys((n.name for n in nodes), worlds.ALL),
        "sm": frozenset({"fabric/links"}),
    }
    seen = Sight(
        now=worlds.NOW,
        findings=(worlds.leaf_down(leaf),),
        witnesses={worlds.SOURCE: Witness(observed=observed)},
    )
    found = decide(nodes, seen, worlds.policy(proofs=worlds.WIDE), {}).faults
    assert all(f.device == f"domain:{leaf}" for faults in found.values() for f in faults)
    return set(found)


def cut_off(
    documents: Mapping[str, NodeDocument], device: str
) -> Iterator[tuple[str, NodeDocument]]:
    """What exporters say once the leaf of one of their devices is dead."""
    for name, each in documents.items():
        ports = (replace(p, active=p.active and p.device != device) for p in each.ports)
        yield name, replace(each, ports=tuple(ports))


@pytest.mark.parametrize("name", ["{}", FACTORY_NAME], ids=["a label's value", "as delivered"])
def test_each_leaf_of_a_rail_optimised_unit_means_the_nodes_of_the_unit(name: str) -> None:
    fabric = named(fabric_document(rails(units=2, hosts=3, indices=4)), name)
    hosts = [f"node-{unit}-{host}" for unit in range(2) for host in range(3)]
    objects = [node_object(host) for host in hosts]

    published(objects, fabric, {host: on_fabric(fabric, host, 4) for host in hosts})

    for rail in range(4):
        assert told(objects, name.format(f"leaf-0-{rail}")) == {f"node-0-{h}" for h in range(3)}
    assert told(objects, name.format("spine-0")) == set(hosts)
    assert told(objects, "leaf-9-9") == set()


@pytest.mark.parametrize(
    ("whole", "dead", "device"),
    [
        (fat_tree(leaves=2, hosts=2), "leaf-0", "mlx5_0"),
        (rails(units=2, hosts=2, indices=4), "leaf-0-1", "mlx5_1"),
    ],
    ids=["its only leaf", "one of its leaves"],
)
def test_a_leaf_that_is_dead_still_means_the_nodes_that_it_has_cut_off(
    whole: Fabric, dead: str, device: str
) -> None:
    fabric = fabric_document(whole)
    hosts = [f"node-{unit}-{host}" for unit in range(2) for host in range(2)]
    objects = [node_object(host) for host in hosts]
    documents = {host: on_fabric(fabric, host, 4) for host in hosts}
    published(objects, fabric, documents)
    (guid,) = (g for g, switch in fabric.switches.items() if switch.name == dead)
    lost = {port for port, leaf in fabric.leaves.items() if leaf == guid}
    without = replace(
        fabric,
        switches={g: s for g, s in fabric.switches.items() if g != guid},
        leaves={port: leaf for port, leaf in fabric.leaves.items() if port not in lost},
        links=frozenset(link for link in fabric.links if guid not in link),
    )
    unit = {host: each for host, each in documents.items() if host.startswith("node-0")}

    published(objects, without, {**documents, **dict(cut_off(unit, device))})

    assert told(objects, dead) == set(unit)
    assert all("topology.railwatch.io/tier-0" in each["metadata"]["labels"] for each in objects)
