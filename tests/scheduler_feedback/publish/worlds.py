"""Documents and nodes for the publisher, made by hand or by the exporter's own code."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from exporters.fabric.document import describe
from exporters.fabric.rails import judge, places
from exporters.fabric.tiers import tiers
from scheduler_feedback.publish.documents import FabricDocument, NodeDocument, Port, read_fabric
from scheduler_feedback.publish.merge import Seen, Sight
from scheduler_feedback.publish.node import Node, read_node
from testbed.ibsim import Fabric
from testbed.servers import Cluster
from tests.exporters.fabric.networks import network
from tests.scheduler_feedback import live

CRDS = Path(__file__).parent / "crds"


_LISTS = (
    "/apis/kueue.x-k8s.io/v1beta2/topologies",
    "/apis/kueue.x-k8s.io/v1beta1/topologies",
    "/apis/topology.volcano.sh/v1alpha1/hypernodes",
    "/apis/topology.node.k8s.io/v1alpha2/noderesourcetopologies",
)


def define_others(cluster: Cluster) -> None:
    """Define the objects of others, and wait until each is served."""
    cluster.apply(CRDS)
    live.await_served(cluster, *_LISTS)


def port(rail: int, *, guid: str = "", leaf: str = "", **more: Any) -> Port:
    fields = {"device": f"mlx5_{rail}", "port": "1", "role": "compute", "numa": rail // 4}
    return Port(**{**fields, "rail": rail, "guid": guid, "leaf": leaf, "gpus": (rail,), **more})


def by_lldp(*leaves: str) -> NodeDocument:
    """A node whose rails reach these leaves, one after the other."""
    ports = tuple(port(rail, leaf=leaf) for rail, leaf in enumerate(leaves))
    return NodeDocument(gpus=tuple(rail // 4 for rail in range(len(leaves))), ports=ports)


def node(
    name: str,
    tiers: Sequence[str] = (),
    source: str = "",
    labels: Mapping[str, str] | None = None,
    notes: Mapping[str, str] | None = None,
) -> Node:
    return read_node(node_object(name, tiers, source, labels, notes))


def node_object(
    name: str,
    tiers: Sequence[str] = (),
    source: str = "",
    labels: Mapping[str, str] | None = None,
    notes: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    ours = {f"topology.railwatch.io/tier-{n}": tier for n, tier in enumerate(tiers) if tier}
    marked = {"railwatch.io/topology-source": source} if source else {}
    return {
        "metadata": {
            "name": name,
            "uid": f"uid-{name}",
            "labels": {"kubernetes.io/hostname": name, **ours, **(labels or {})},
            "annotations": {**marked, **(notes or {})},
        },
        "status": {"addresses": [{"type": "InternalIP", "address": "127.0.0.1"}]},
    }


def sight(
    documents: Mapping[str, NodeDocument], *fabrics: FabricDocument, blind: bool = False
) -> Sight:
    seen = {name: Seen(document=document) for name, document in documents.items()}
    return Sight(nodes=seen, fabrics=fabrics, blind=blind)


def fabric_bytes(fabric: Fabric, **changed: Any) -> bytes:
    """The document that a collector makes of a fabric."""
    found = network(fabric)
    described = describe(found, tiers(found), (where := places(found)), judge(where))
    return json.dumps({**described, **changed}).encode()


def fabric_document(fabric: Fabric, **changed: Any) -> FabricDocument:
    return read_fabric(fabric_bytes(fabric, **changed))


def on_fabric(document: FabricDocument, host: str, rails: int) -> NodeDocument:
    """The node of a host, with the GUIDs that the fabric knows."""
    return NodeDocument(
        gpus=tuple(rail // 4 for rail in range(rails)),
        ports=tuple(
            port(rail, guid=document.named[host, f"mlx5_{rail}"])
            for rail in range(rails)
            if (host, f"mlx5_{rail}") in document.named
        ),
    )
