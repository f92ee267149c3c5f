"""What is believed of every node, from all that was read. Pure, and the same in any order.

A node that is cabled wrongly, or of which what is told cannot be so, gets no tiers rather than
wrong ones. Blindness is no evidence: what stands on a node stays while nothing can be read of it.
Nor is silence: nobody hears the leaf of a port that is down, and when a leaf has died it is these
labels that say whom it has cut off.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from catalog.rails import NodePlaces, PortPlace, dump_rails, parse_rails
from catalog.scheduler_topology import (
    CONTRADICTORY,
    DECLARED,
    FABRIC,
    FOREIGN,
    LLDP,
    MISCABLED,
    NO_LEAF,
    NO_RAILS,
)
from catalog.wire import WireError
from scheduler_feedback.publish.documents import FabricDocument, NodeDocument
from scheduler_feedback.publish.domains import Leaf, gather
from scheduler_feedback.publish.names import name_domains, unique_names
from scheduler_feedback.publish.network import Course, Courses, Network, is_lldp, join, names_of
from scheduler_feedback.publish.node import Belief, Node
from scheduler_feedback.publish.tiers import Domain, build_tiers

_SHOWN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was read of a node."""

    document: NodeDocument | None = None
    """The last, if that is not longer ago than the grace."""
    blind: bool = False
    """There is none, and the grace is not over."""
    reason: str = ""
    """Why there is none, one of catalog's UNPLACED."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """Everything that was read."""

    nodes: Mapping[str, Seen]
    fabrics: Sequence[FabricDocument] = ()
    blind: bool = False
    """A fabric cannot be seen, and the grace is not over."""


@dataclass(slots=True, kw_only=True)
class _Work:
    """What is worked out on the way."""

    sight: Sight
    network: Network
    courses: Mapping[str, Course]
    wrong: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Node → why it has no tiers though leaves are known, and the same for people."""
    called: Mapping[str, str] = field(default_factory=dict)
    tiers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def merge(nodes: Sequence[Node], sight: Sight) -> dict[str, Belief]:
    """Return what is believed of each node."""
    network = join(sight.fabrics)
    courses = _courses(nodes, sight, network)
    work = _Work(sight=sight, network=network, courses=courses)
    work.wrong |= _miscabled(courses)
    _place(nodes, work)
    foreign = _foreign(nodes)
    return {node.name: _believe(node, work, foreign) for node in nodes}


def _courses(nodes: Sequence[Node], sight: Sight, network: Network) -> dict[str, Course]:
    finder = Courses(network, [node.name for node in nodes])
    return {
        node.name: finder.of(node.name, document)
        for node in nodes
        if (document := sight.nodes.get(node.name, Seen()).document) is not None
    }


def _miscabled(courses: Mapping[str, Course]) -> dict[str, tuple[str, str]]:
    """Return the nodes that must not count, each with the reason."""
    claims = Counter(guid for course in courses.values() for guid in course.guids)
    found = {}
    for name, course in courses.items():
        twice = [guid for guid in sorted(course.guids) if claims[guid] > 1]
        if course.miscabled:
            found[name] = MISCABLED, f"on another leaf than it should be: {_some(course.miscabled)}"
        elif course.disputed:
            found[name] = CONTRADICTORY, f"fabrics disagree on the leaf of {_some(course.disputed)}"
        elif twice:
            found[name] = CONTRADICTORY, f"another node has a port of the same GUID: {_some(twice)}"
    return found


def _some(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _place(nodes: Sequence[Node], work: _Work) -> None:
    """Find the tiers of all nodes whose leaves are known."""
    ways = {n: c.way for n, c in work.courses.items() if c.way and n not in work.wrong}
    gathered = gather(ways)
    for name in gathered.contradictory:
        why = "shares leaves with nodes whose rails are elsewhere"
        work.wrong[name] = CONTRADICTORY, why
    leaves = {leaf for course in work.courses.values() for leaf in course.at.values()}
    work.called = unique_names(names_of(work.network, leaves))
    work.tiers = _named_tiers(nodes, gathered.domains, work)


def _named_tiers(
    nodes: Sequence[Node], domains: Mapping[str, Domain], work: _Work
) -> dict[str, tuple[str, ...]]:
    """Return the names of each node's domains, nearest first."""
    network, all_domains = work.network, set(domains.values())
    votes: defaultdict[int, defaultdict[object, list[str]]] = defaultdict(lambda: defaultdict(list))
    above = build_tiers(all_domains, network.switches, network.links)
    of_tier: list[Mapping[Domain, object]] = [{domain: domain for domain in all_domains}]
    of_tier += [tier.of for tier in above]
    for node in nodes:
        for tier, of in enumerate(of_tier):
            at = of.get(domains.get(node.name, frozenset()))
            if (
                at is not None
                and node.source in (FABRIC, LLDP)
                and any(node.tiers[tier : tier + 1])
            ):
                votes[tier][at].append(node.tiers[tier])
    switches: list[Mapping[object, frozenset[str]]] = [{domain: domain for domain in all_domains}]
    switches += [tier.switches for tier in above]
    names = [name_domains(own, work.called, votes[t]) for t, own in enumerate(switches)]
    return {
        name: tuple(
            named[of[domain]] for of, named in zip(of_tier, names, strict=True) if domain in of
        )
        for name, domain in domains.items()
    }


def _foreign(nodes: Sequence[Node]) -> dict[str, tuple[str, ...]]:
    """Return what labels of others say; of one domain in several wider ones, the likelier."""
    told = {node.name: node.foreign for node in nodes if node.foreign}
    depth = max(map(len, told.values()), default=0)
    used = [t for t in range(depth) if any(len(of) > t and of[t] for of in told.values())]
    found = {name: tuple(of[t] if len(of) > t else "" for t in used) for name, of in told.items()}
    wider: defaultdict[tuple[int, str], Counter[tuple[str, ...]]] = defaultdict(Counter)
    for of in found.values():
        for tier, domain in enumerate(of):
            if domain:
                wider[tier, domain][of[tier + 1 :]] += 1
    return {
        name: of if all(_likely(wider[t, d], of[t + 1 :]) for t, d in enumerate(of) if d) else ()
        for name, of in found.items()
    }


def _likely(counts: Counter[tuple[str, ...]], own: tuple[str, ...]) -> bool:
    """Whether more nodes say this than say anything else."""
    return all(counts[own] > count for other, count in counts.items() if other != own)


def _believe(node: Node, work: _Work, foreign: Mapping[str, tuple[str, ...]]) -> Belief:
    seen = work.sight.nodes.get(node.name, Seen(blind=True))
    course = work.courses.get(node.name)
    if seen.document is None or course is None:
        if node.declared:
            return Belief(source=DECLARED, tiers=node.tiers)
        return Belief(kept=True) if seen.blind else _from_labels(node, foreign, seen.reason)
    rails, too_long = _rails(node, seen.document, course, work.called)
    placed = _placed(node, seen.document, course, work, foreign)
    return Belief(
        tiers=placed.tiers,
        source=placed.source,
        kept=placed.kept,
        reason=placed.reason,
        detail=placed.detail,
        rails=rails,
        too_long=too_long,
    )


def _placed(
    node: Node,
    document: NodeDocument,
    course: Course,
    work: _Work,
    foreign: Mapping[str, tuple[str, ...]],
) -> Belief:
    """Return the tiers of a node whose exporter has answered."""
    if node.declared:
        return Belief(source=DECLARED, tiers=node.tiers)
    if node.name in work.wrong:
        reason, detail = work.wrong[node.name]
        return Belief(reason=reason, detail=detail)
    tiers = work.tiers.get(node.name, ())
    if tiers:
        told_by_lldp = all(is_lldp(leaf) for _, leaf in course.way)
        return Belief(tiers=tiers, source=LLDP if told_by_lldp else FABRIC)
    rails = [port for port in document.ports if port.rail >= 0]
    down = not any(port.active for port in rails) and node.source in (FABRIC, LLDP)
    if rails and (work.sight.blind or down):
        return Belief(kept=True)
    return _from_labels(node, foreign, NO_LEAF if rails else NO_RAILS)


def _from_labels(node: Node, foreign: Mapping[str, tuple[str, ...]], reason: str) -> Belief:
    if not node.foreign:
        return Belief(reason=reason)
    tiers = foreign.get(node.name, ())
    if tiers:
        return Belief(tiers=tiers, source=FOREIGN)
    return Belief(reason=CONTRADICTORY, detail="its labels say another wider domain than others'")


def _rails(
    node: Node, document: NodeDocument, course: Course, called: Mapping[str, str]
) -> tuple[str, bool]:
    """Return the annotation, and whether it would be too long."""
    before = dict(_leaves_before(node)) if not all(p.active for p in document.ports) else {}
    ports = tuple(
        PortPlace(
            device=port.device,
            port=port.port,
            role=port.role,
            rail=port.rail,
            leaf=_leaf_name(course.at.get((port.device, port.port)), called)
            or ("" if port.active else before.get((port.device, port.port), "")),
            numa=port.numa,
            gpus=port.gpus,
            affinity=port.affinity,
        )
        for port in document.ports
    )
    if not ports and not document.gpus:
        return "", False
    try:
        return dump_rails(NodePlaces(gpus=document.gpus, ports=ports)), False
    except WireError:
        return "", True


def _leaves_before(node: Node) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield device and port, and the leaf that the node's annotation names for them."""
    try:
        places = parse_rails(node.rails)
    except WireError:
        return
    for port in places.ports if places else ():
        yield (port.device, port.port), port.leaf


def _leaf_name(leaf: Leaf | None, called: Mapping[str, str]) -> str:
    return called.get(leaf, "") if leaf else ""
