"""The tiers above the leaves: what switches join domains. Pure.

Two domains are in one of a tier where switches of that tier or lower join them, so that each tier
holds the one below by construction. Only a fabric's own document tells of such switches.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

from scheduler_feedback.publish.documents import Switch
from scheduler_feedback.publish.domains import Groups, Leaf

Domain = frozenset[Leaf]


@dataclass(frozen=True, slots=True, kw_only=True)
class Above:
    """The domains of one tier."""

    of: Mapping[Domain, Hashable]
    """Which domain of this tier a domain of leaves is in; absent where the network ends below."""
    switches: Mapping[Hashable, frozenset[str]]
    """The switches of this tier in each."""


def build_tiers(
    domains: Iterable[Domain], switches: Mapping[str, Switch], links: Iterable[tuple[str, str]]
) -> list[Above]:
    """Return the tiers above the leaves, nearest the nodes first."""
    domains = set(domains)
    groups = Groups()
    for domain in domains:
        groups.join(sorted(domain))
    by_tier: defaultdict[int, list[tuple[str, str]]] = defaultdict(list)
    for one, other in links:
        tiers = switches[one].tier, switches[other].tier
        if min(tiers) >= 0:
            by_tier[max(1, *tiers)].append((one, other))
    found = []
    reached = domains
    for tier in range(1, max((s.tier for s in switches.values()), default=0) + 1):
        for link in by_tier[tier]:
            groups.join(link)
        above = _tier(tier, reached, switches, groups)
        reached = set(above.of)
        found.append(above)
    return found


def _tier(tier: int, domains: set[Domain], switches: Mapping[str, Switch], groups: Groups) -> Above:
    at: defaultdict[Hashable, set[str]] = defaultdict(set)
    for switch in switches.values():
        if switch.tier == tier:
            at[groups.root(switch.guid)].add(switch.guid)
    of = {domain: groups.root(min(domain)) for domain in domains}
    of = {domain: root for domain, root in of.items() if root in at}
    return Above(of=of, switches={root: frozenset(at[root]) for root in set(of.values())})
