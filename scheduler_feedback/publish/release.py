"""Takes away everything that the publisher has left in the cluster."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from catalog.scheduler_topology import NODE, RESOURCE_TOPOLOGY
from catalog.wire import PREFIX
from program.errors import ProgramError
from scheduler_feedback.errors import KubeError
from scheduler_feedback.publish.cluster import PublishKube
from scheduler_feedback.publish.node import read_node, taken_off
from scheduler_feedback.publish.objects import (
    HYPERNODES,
    TOPOLOGIES,
    Kind,
    attributes,
    is_ours,
)
from scheduler_feedback.release import attempt, tell_failed
from scheduler_feedback.watch import Object

_Step = tuple[str, str, Callable[[], None]]
"""What is changed, what was done then, and how."""


def release_topology(cluster: PublishKube, nodes: Iterable[Object], prefix: str = PREFIX) -> None:
    """Remove labels, annotations, attributes and objects, saying what.

    Labels that somebody else has set stay. What goes wrong with one object does not keep the
    others: ProgramError at the end names it.
    """
    failed: list[str] = []
    try:
        steps = [*_nodes(cluster, nodes, prefix), *_attributes(cluster, prefix)]
        for kind in (TOPOLOGIES, HYPERNODES):
            steps += _objects(cluster, kind)
    except KubeError as error:
        raise ProgramError(f"kube-apiserver: {error.reason}: {error}") from None
    for step in steps:
        failed += attempt(*step)
    tell_failed(failed)


def _nodes(cluster: PublishKube, nodes: Iterable[Object], prefix: str) -> Iterator[_Step]:
    for node in (read_node(each, prefix) for each in nodes):
        patch = taken_off(node, prefix)
        if patch:
            act = partial(cluster.patch_node, node.name, patch)
            yield f"{NODE} {node.name}", "topology removed", act


def _attributes(cluster: PublishKube, prefix: str) -> Iterator[_Step]:
    found = cluster.resource_topologies() if cluster.serves_resource_topologies() else []
    for each in found:
        now = each.get("attributes") or []
        left = attributes(now, (), prefix)
        if left != now:
            name = each["metadata"]["name"]
            act = partial(cluster.set_attributes, each, left)
            yield f"{RESOURCE_TOPOLOGY} {name}", "attributes removed", act


def _objects(cluster: PublishKube, kind: Kind) -> Iterator[_Step]:
    version = cluster.served(kind)
    for each in cluster.objects(kind, version) if version else []:
        if is_ours(each):
            act = partial(cluster.delete, kind, version, each)
            yield f"{kind.name} {each['metadata']['name']}", "removed", act
