"""Which nodes hang on the same leaves. Pure, and the same whatever the order of the nodes.

A node's rails reach one leaf or several: with one leaf a rail, the nodes of a unit share all of
them. Nodes that share a leaf and agree on every rail that both know are in one domain. Where two
share a leaf and disagree, one of them is cabled wrongly, or what is told of it is wrong: the way of
fewer nodes gives way, and of as many each, both. Nodes with the same leaves in another order are
not at odds: only their rails are, not their place.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

Leaf = str
"""What identifies a leaf; two networks never share one."""

Way = frozenset[tuple[int, Leaf]]
"""The leaf of each rail of which it is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """Nodes by domain."""

    domains: Mapping[str, frozenset[Leaf]]
    """Node → the leaves of its domain."""
    contradictory: frozenset[str]


class Groups:
    """What belongs together, as it becomes known (a disjoint-set forest)."""

    def __init__(self) -> None:
        self._above: dict[Hashable, Hashable] = {}

    def root(self, item: Hashable) -> Hashable:
        """Return what stands for everything that belongs together with an item."""
        path = []
        while (above := self._above.setdefault(item, item)) != item:
            path.append(item)
            item = above
        for each in path:
            self._above[each] = item
        return item

    def join(self, items: Iterable[Hashable]) -> None:
        """Let all of these belong together."""
        roots = [self.root(item) for item in items]
        for root in roots[1:]:
            self._above[self.root(root)] = self.root(roots[0])


def gather(ways: Mapping[str, Way]) -> Gathered:
    """Return the domain of each node that has a way, but of those at odds with more others."""
    kept = _kept(Counter(way for way in ways.values() if way))
    groups = Groups()
    for way in kept:
        groups.join(leaf for _, leaf in way)
    members: defaultdict[Hashable, set[Leaf]] = defaultdict(set)
    for leaf in {leaf for way in kept for _, leaf in way}:
        members[groups.root(leaf)].add(leaf)
    whole = {root: frozenset(leaves) for root, leaves in members.items()}
    of_way = {way: whole[groups.root(next(iter(way))[1])] for way in kept}
    return Gathered(
        domains={node: of_way[way] for node, way in ways.items() if way in of_way},
        contradictory=frozenset(node for node, way in ways.items() if way and way not in of_way),
    )


def _kept(counts: Counter[Way]) -> list[Way]:
    """Return the ways that are at odds with none of as many nodes, those of most nodes first."""
    kept: list[Way] = []
    at: At = defaultdict(list)
    levels: defaultdict[int, list[Way]] = defaultdict(list)
    for way, count in counts.items():
        levels[count].append(way)
    for count in sorted(levels, reverse=True):
        within = {way for way in levels[count] if _is_within(way, at)}
        standing = [way for way in levels[count] if way not in within and not _at_odds(way, at)]
        beside: At = defaultdict(list)
        for way in standing:
            _note(way, beside)
        agreed = [way for way in standing if not _at_odds(way, beside)]
        for way in agreed:
            _note(way, at)
        kept += [*within, *agreed]
    return kept


At = defaultdict[Leaf, list[Way]]
"""The ways to each leaf that others are compared with."""


def _note(way: Way, at: At) -> None:
    for leaf in _leaves(way):
        at[leaf].append(way)


def _leaves(way: Way) -> frozenset[Leaf]:
    return frozenset(leaf for _, leaf in way)


def _is_within(way: Way, at: At) -> bool:
    """Whether more nodes reach all of its leaves as it does, so that it tells nothing new."""
    own = _leaves(way)
    stronger = at.get(next(iter(own)), ())
    return any(own <= _leaves(other) and not _disagree(way, other) for other in stronger)


def _at_odds(way: Way, at: At) -> bool:
    """Whether a way disagrees with one of those that share a leaf with it."""
    return any(_disagree(way, other) for leaf in _leaves(way) for other in at.get(leaf, ()))


def _disagree(one: Way, other: Way) -> bool:
    if _leaves(one) == _leaves(other):
        return False
    rails = dict(one)
    return any(rails.get(rail, leaf) != leaf for rail, leaf in other)
