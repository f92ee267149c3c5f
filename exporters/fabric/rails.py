"""Where each HCA hangs, and which hang on the wrong leaf.

In a rail-optimised fabric the HCAs of one index of all neighbouring hosts hang on one leaf. What
the fabric was meant to be is nowhere written, so hosts judge each other: those that share most of
a host's other leaves are its neighbours, and where two thirds of them agree on the leaf of an
index, an HCA on another leaf is the odd one out. Hosts with fewer than three HCAs, or none beside
them, cannot be judged, nor HCAs whose description names no host.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from catalog.fabric import HCA, SWITCH
from exporters.fabric.network import Network, Node, Port

_DESCRIPTION = re.compile(r"(\S+) ([A-Za-z][\w.-]*?[_-]?)([0-9]{1,3})")
"""`host mlx5_3`, as rdma-ndd and the kernel set it, or `host HCA-4`."""
_COUNTED_FROM_ONE = "HCA-"

_FEWEST = 3
"""HCAs of a host, so that most of the others can agree."""
_AGREE = 2 / 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A port of an HCA and the switch port that it hangs on."""

    guid: int
    name: str
    """The node's description."""
    host: str
    """Empty, as the device, where the description names none."""
    device: str
    index: int
    """From zero; -1 where it is not known."""
    leaf: Node
    leaf_port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the neighbours say."""

    misplaced: tuple[tuple[Place, int], ...]
    """HCAs on the wrong leaf, each with the GUID of the right one."""
    judged: int
    unjudged: int
    """HCAs that could be compared, and that could not."""


def places(network: Network) -> list[Place]:
    """Return the place of every HCA port that hangs on a switch."""
    return [
        _place(node, port, leaf)
        for node in network.kind(HCA)
        for _, port in sorted(node.ports.items())
        if (leaf := network.nodes.get(port.peer.node)) is not None and leaf.kind == SWITCH
    ]


def _place(node: Node, port: Port, leaf: Node) -> Place:
    found = _DESCRIPTION.fullmatch(node.name)
    host, device = (found[1], found[2] + found[3]) if found else ("", "")
    index = int(found[3]) - found[2].startswith(_COUNTED_FROM_ONE) if found else -1
    return Place(
        guid=port.guid,
        name=node.name,
        host=host,
        device=device,
        index=index,
        leaf=leaf,
        leaf_port=port.peer.port,
    )


Leaves = Mapping[str, Mapping[int, int]]
"""The GUID of the leaf by host and index."""


def judge(all_places: list[Place]) -> Verdict:
    """Say which HCAs hang on another leaf than those of their index in neighbouring hosts."""
    named = [place for place in all_places if place.host and place.index >= 0]
    leaves = _leaves(named)
    at: dict[int, set[str]] = defaultdict(set)
    for place in named:
        at[place.leaf.guid].add(place.host)
    misplaced, judged = [], 0
    for place in named:
        expected = _expected(place, leaves, at)
        judged += expected is not None
        if expected is not None and expected != place.leaf.guid:
            misplaced.append((place, expected))
    unjudged = len(all_places) - judged
    return Verdict(misplaced=tuple(misplaced), judged=judged, unjudged=unjudged)


def _leaves(named: list[Place]) -> dict[str, dict[int, int]]:
    leaves: dict[str, dict[int, int]] = defaultdict(dict)
    for place in named:
        leaves[place.host][place.index] = place.leaf.guid
    return leaves


def _expected(place: Place, leaves: Leaves, at: Mapping[int, set[str]]) -> int | None:
    """Return the leaf that the neighbours agree on; None where they do not, or there are none."""
    if len(leaves[place.host]) < _FEWEST:
        return None
    votes = Counter(
        leaves[host][place.index]
        for host in _neighbours(place, leaves, at)
        if place.index in leaves[host]
    )
    if not votes:
        return None
    (leaf, most), total = votes.most_common(1)[0], votes.total()
    return leaf if total > 1 and most >= _AGREE * total else None


def _neighbours(place: Place, leaves: Leaves, at: Mapping[int, set[str]]) -> Iterator[str]:
    """Yield the hosts that share more than half of the host's other leaves, index by index."""
    others = {i: leaf for i, leaf in leaves[place.host].items() if i != place.index}
    shared = Counter(
        host
        for index, leaf in others.items()
        for host in at[leaf]
        if leaves[host].get(index) == leaf and host != place.host
    )
    return (host for host, count in shared.items() if count > len(others) / 2)
