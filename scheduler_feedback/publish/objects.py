"""The objects by which other schedulers learn of the tiers: what each should be. Pure.

Kueue's Topology names label keys, and its levels cannot be changed: there is one for each depth, so
that none ever needs to be. Volcano's HyperNodes name nodes, by exact names, which every version
understands; tier 1 is what is nearest the nodes.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from catalog import wire
from catalog.scheduler_topology import HYPERNODE, TOPOLOGY
from scheduler_feedback.announce import COMPONENT
from scheduler_feedback.gang.pods import HOSTNAME
from scheduler_feedback.publish.names import object_name

_MOST_LEVELS = 8
"""That every version of Kueue takes; the last is the node itself."""
_NAME = "railwatch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of objects that are wholly ours."""

    name: str
    group: str
    versions: tuple[str, ...]
    """Those that are understood, the best first."""
    resource: str


TOPOLOGIES = Kind(
    name=TOPOLOGY,
    group="kueue.x-k8s.io",
    versions=("v1beta2", "v1beta1", "v1alpha1"),
    resource="topologies",
)
HYPERNODES = Kind(
    name=HYPERNODE,
    group="topology.volcano.sh",
    versions=("v1alpha1",),
    resource="hypernodes",
)

Tiers = Mapping[str, tuple[str, ...]]
"""Node → the name of its domain of each tier, nearest first."""

Specs = dict[str, dict[str, Any]]
"""Object's name → its spec."""


def topologies(tiers: Tiers, prefix: str = wire.PREFIX) -> Specs:
    """Return a Topology for each depth; one is of use to the nodes that have all its levels."""
    deepest = max(map(len, tiers.values()), default=0)
    found: Specs = {}
    for depth in range(1, min(deepest, _MOST_LEVELS - 1) + 1):
        if any(len(of) >= depth and all(of[:depth]) for of in tiers.values()):
            keys = [wire.topology_key(f"{wire.TIER}{n}", prefix) for n in reversed(range(depth))]
            levels = [{"nodeLabel": key} for key in (*keys, HOSTNAME)]
            found[f"{_NAME}-{depth}"] = {"levels": levels}
    return found


def hypernodes(tiers: Tiers) -> Specs:
    """Return a HyperNode for each domain; a domain is in the wider one that most nodes say."""
    members: defaultdict[tuple[int, str], set[tuple[str, str]]] = defaultdict(set)
    wider: defaultdict[tuple[int, str], Counter[tuple[int, str]]] = defaultdict(Counter)
    for node, of in tiers.items():
        chain = [(tier, name) for tier, name in enumerate(of) if name]
        for below, above in pairwise(chain):
            wider[below][above] += 1
        if chain:
            members[chain[0]].add(("Node", node))
    for below, counts in wider.items():
        best = min(counts, key=lambda domain: (-counts[domain], domain))
        members[best].add((HYPERNODE, _hypernode(below)))
    return {_hypernode(domain): _spec(domain[0], of) for domain, of in members.items()}


def _hypernode(domain: tuple[int, str]) -> str:
    return f"{_NAME}-t{domain[0]}-{object_name(domain[1])}"


def _spec(tier: int, members: set[tuple[str, str]]) -> dict[str, Any]:
    return {
        "tier": tier + 1,
        "members": [
            {"type": kind, "selector": {"exactMatch": {"name": name}}}
            for kind, name in sorted(members)
        ],
    }


def labels() -> dict[str, str]:
    """Return the label by which objects of ours are known."""
    return {wire.MANAGED_BY: COMPONENT}


def is_ours(item: Mapping[str, Any]) -> bool:
    """Whether an object is ours to change and delete."""
    return (item["metadata"].get("labels") or {}).get(wire.MANAGED_BY) == COMPONENT


def attributes(
    now: list[Mapping[str, Any]], tiers: tuple[str, ...], prefix: str = wire.PREFIX
) -> list[Mapping[str, Any]]:
    """Return the attributes of a NodeResourceTopology with ours put in, and others' kept."""
    begins = wire.topology_key(wire.TIER, prefix)
    others = [each for each in now if not str(each.get("name", "")).startswith(begins)]
    ours = [{"name": f"{begins}{n}", "value": name} for n, name in enumerate(tiers) if name]
    return [*others, *ours]
