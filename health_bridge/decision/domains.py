"""Faults wider than a node: whom an alert about a domain or a line means, and when many are one.

A domain is the value of a topology label of some tier, or a leaf that a node's rails reach: nodes
with a leaf a rail are labelled with one of those alone. A line is the value of one node label. A
domain whose nodes fail alike is one fault of the domain, which stands for theirs: their conditions
stay, their own taints do not. It names only nodes that fail themselves. Pure.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from catalog import wire
from catalog.conditions import FABRIC_FAULT, RDMA_CONGESTED, RDMA_LINK_DEGRADED, RDMA_LINK_DOWN
from catalog.domains import label_value
from catalog.faults import Scope
from health_bridge.decision.alerts import Finding
from health_bridge.decision.nodes import Node
from health_bridge.decision.record import Fault

FAIL_TOGETHER = "NodesFailTogether"
"""The fault of a domain that the bridge itself finds; no alert and no proof names it."""

LEAST = 3
"""Fewer nodes than this never make a domain's fault."""

LINKS = frozenset({RDMA_LINK_DOWN.type, RDMA_LINK_DEGRADED.type, RDMA_CONGESTED.type})
"""The conditions by which a node shows what is wrong with the fabric."""

Faults = Mapping[str, tuple[Fault, ...]]
"""Node → its open faults."""


@dataclass(frozen=True)
class Map:
    """Where the managed nodes are."""

    nodes: Sequence[Node]
    line_label: str

    @cached_property
    def domains(self) -> Mapping[str, frozenset[str]]:
        """Domain → its nodes. A name that occurs in several tiers is of the one nearest them."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        for node in self.nodes:
            for tier, name in node.tiers.items():
                if self._tier_of[name] == tier:
                    found[name].add(node.name)
        return {name: frozenset(members) for name, members in found.items()}

    @cached_property
    def narrowest_first(self) -> Sequence[tuple[str, frozenset[str]]]:
        """Each domain and its nodes, tier by tier."""
        ranked = sorted(self.domains, key=lambda name: (self._tier_of[name], name))
        return [(name, self.domains[name]) for name in ranked]

    @cached_property
    def lines(self) -> Mapping[str, frozenset[str]]:
        """Line → the nodes behind it."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        for node in self.nodes:
            if line := node.labels.get(self.line_label):
                found[line].add(node.name)
        return {name: frozenset(members) for name, members in found.items()}

    @cached_property
    def _tier_of(self) -> Mapping[str, int]:
        tiers: dict[str, int] = {}
        for node in self.nodes:
            for tier, name in node.tiers.items():
                tiers[name] = min(tier, tiers.get(name, tier))
        return tiers

    @cached_property
    def leaves(self) -> Mapping[str, frozenset[str]]:
        """Leaf → the nodes with a compute port on it."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        for node in self.nodes:
            for leaf in node.leaves:
                found[leaf].add(node.name)
        return {name: frozenset(members) for name, members in found.items()}

    def members(self, scope: Scope, name: str) -> frozenset[str]:
        """Return the nodes of a domain or line, none where no node names it.

        A domain goes by what its switch calls itself, or by what a label can hold of that. Of a
        leaf, they are those with a port on it, and those of its domain that tell no leaves.
        """
        if scope is Scope.LINE:
            return self.lines.get(name, frozenset())
        for called in (name, label_value(name)):
            in_domain = self.domains.get(called, frozenset())
            if called in self.leaves:
                return self.leaves[called] | (in_domain & self._untold)
            if in_domain:
                return in_domain
        return frozenset()

    @cached_property
    def _untold(self) -> frozenset[str]:
        return frozenset(node.name for node in self.nodes if not node.leaves)

    def near(self, node: Node) -> Iterator[str]:
        """Yield a node's domains, the nearest first."""
        return (name for tier, name in sorted(node.tiers.items()) if self._tier_of[name] == tier)


def spread(findings: Iterable[Finding], places: Map) -> tuple[tuple[Finding, ...], int]:
    """Return the findings with those about a place told of each node there, and how many failed.

    A place that no managed node names has no members, and nothing is done about it.
    """
    told: list[Finding] = []
    nowhere = 0
    for finding in findings:
        if finding.scope is None:
            told.append(finding)
            continue
        members = places.members(finding.scope, finding.place)
        told += (replace(finding, node=name) for name in sorted(members))
        nowhere += not members
    return tuple(told), nowhere


def widen(faults: Faults, before: Faults, places: Map, share: float) -> Faults:
    """Return the faults with those of domains whose nodes fail together.

    `before` is what the records tell: a domain that was one fault stays one while any node of it
    still has the fault that made it one. A share of 0 turns it off.
    """
    if not share:
        return faults
    failing = _failing(faults)
    held = _held(before, failing)
    joint = {
        (domain, condition)
        for condition in sorted(LINKS)
        for domain in _joint(
            {domain for domain, of in held if of == condition}, failing[condition], places, share
        )
    }
    if not joint:
        return faults
    return {
        node.name: _together(faults.get(node.name, ()), list(places.near(node)), joint)
        for node in places.nodes
    }


def _joint(held: set[str], failing: frozenset[str], places: Map, share: float) -> Iterator[str]:
    """Yield the domains that are one fault, the narrowest first.

    What a narrower one stands for is no evidence against a wider one.
    """
    explained: set[str] = set()
    for domain, members in places.narrowest_first if failing else ():
        rest = members - explained
        if domain in held or len(rest & failing) >= max(LEAST, share * len(rest)):
            explained |= members
            yield domain


def _failing(faults: Faults) -> dict[str, frozenset[str]]:
    """Return each condition of LINKS → the nodes with a fault of it."""
    found: dict[str, set[str]] = {condition: set() for condition in LINKS}
    for node, of_node in faults.items():
        for fault in of_node:
            if fault.condition in LINKS and not is_place(fault.device):
                found[fault.condition].add(node)
    return {condition: frozenset(nodes) for condition, nodes in found.items()}


def _held(before: Faults, failing: Mapping[str, frozenset[str]]) -> set[tuple[str, str]]:
    return {
        (fault.withheld_by.removeprefix(_DOMAIN), fault.condition)
        for node, of_node in before.items()
        for fault in of_node
        if is_stood_for(fault) and node in failing.get(fault.condition, ())
    }


def _together(
    faults: Sequence[Fault], near: Sequence[str], joint: set[tuple[str, str]]
) -> tuple[Fault, ...]:
    """Return a node's faults with the domain's, and those that it stands for marked as such."""
    kept: list[Fault] = []
    wide: dict[str, Fault] = {}
    for fault in faults:
        named = (domain for domain in near if (domain, fault.condition) in joint)
        domain = None if is_place(fault.device) else next(named, None)
        if domain is None:
            kept.append(fault)
            continue
        place = wire.place(Scope.DOMAIN.value, domain)
        kept.append(replace(fault, withheld_by=place))
        wide[place] = _worse(wide.get(place), _of_domain(fault, domain, place))
    return (*kept, *wide.values())


def _of_domain(fault: Fault, domain: str, place: str) -> Fault:
    return Fault(
        device=place,
        name=f"domain {domain}",
        fault=FAIL_TOGETHER,
        condition=FABRIC_FAULT.type,
        verdict=fault.verdict,
        since=fault.since,
        evidence=f"Its nodes fail alike: {fault.condition}",
    )


def _worse(one: Fault | None, other: Fault) -> Fault:
    if one is None:
        return other
    return replace(
        one,
        verdict=max(one.verdict, other.verdict),
        since=min(one.since, other.since),
        evidence=min(one.evidence, other.evidence),
    )


def is_stood_for(fault: Fault) -> bool:
    """Whether its domain's fault stands for a narrower one."""
    return fault.withheld_by.startswith(_DOMAIN)


def is_stood_for_by(fault: Fault, wide: Fault) -> bool:
    """Whether a domain's fault stands for a narrower one."""
    return wide.fault == FAIL_TOGETHER and fault.withheld_by == wide.device


def is_place(device: str) -> bool:
    """Whether a fault's device stands for a domain or a line."""
    return device.startswith(_PLACES)


def domain_of(fault: Fault) -> str | None:
    """Return the domain that a fault is of, None where it is of something narrower or a line."""
    device = fault.device
    return device.removeprefix(_DOMAIN) if device.startswith(_DOMAIN) else None


_DOMAIN = wire.place(Scope.DOMAIN.value, "")
_PLACES = tuple(wire.place(scope.value, "") for scope in (Scope.DOMAIN, Scope.LINE))
