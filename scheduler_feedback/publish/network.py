"""All fabrics as one network, and the way of each node into it. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from scheduler_feedback.publish.documents import FabricDocument, NodeDocument, Port, Switch
from scheduler_feedback.publish.domains import Leaf, Way

_LLDP = "lldp "
"""Begins what identifies a leaf that LLDP names: no GUID begins so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What all fabrics together tell; where two of them disagree about a port, nothing."""

    switches: Mapping[str, Switch]
    links: frozenset[tuple[str, str]]
    leaves: Mapping[str, Leaf]
    """HCA port's GUID → the leaf."""
    disputed: frozenset[str]
    """HCA ports that are said to be on different leaves."""
    miscabled: frozenset[str]
    named: Mapping[tuple[str, str], str]
    """Host (to its first dot) and device → GUID."""


def join(fabrics: Iterable[FabricDocument]) -> Network:
    """Return the network that these are parts, or copies, of."""
    fabrics = list(fabrics)
    leaves: defaultdict[str, set[str]] = defaultdict(set)
    named: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    switches: defaultdict[str, list[Switch]] = defaultdict(list)
    for fabric in fabrics:
        for guid, leaf in fabric.leaves.items():
            leaves[guid].add(leaf)
        for (host, device), guid in fabric.named.items():
            named[_short(host), device].add(guid)
        for switch in fabric.switches.values():
            switches[switch.guid].append(switch)
    return Network(
        switches={guid: _one(told) for guid, told in switches.items()},
        links=frozenset(link for fabric in fabrics for link in fabric.links),
        leaves={guid: min(told) for guid, told in leaves.items() if len(told) == 1},
        disputed=frozenset(guid for guid, told in leaves.items() if len(told) > 1),
        miscabled=frozenset(guid for fabric in fabrics for guid in fabric.miscabled),
        named={host: min(guids) for host, guids in named.items() if len(guids) == 1},
    )


def _one(told: Sequence[Switch]) -> Switch:
    known = [switch for switch in told if switch.tier >= 0]
    return min(known or told, key=lambda switch: (switch.tier, switch.name))


def _short(host: str) -> str:
    return host.partition(".")[0].lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How a node reaches the network."""

    way: Way
    """Empty where no leaf is known."""
    at: Mapping[tuple[str, str], Leaf]
    """Device and port → the leaf, of all ports of which it is known."""
    guids: frozenset[str]
    """Of its compute ports."""
    miscabled: tuple[str, ...] = ()
    """Devices on another leaf than they should be."""
    disputed: tuple[str, ...] = ()


class Courses:
    """Finds the way of each node; hosts of one short name are not told apart by it."""

    def __init__(self, network: Network, hosts: Iterable[str]) -> None:
        """Look in a network for the ports of these hosts."""
        self._network = network
        often = Counter(map(_short, hosts))
        self._alone = {host for host, count in often.items() if count == 1}

    def of(self, host: str, document: NodeDocument) -> Course:
        """Return how a node that says this of itself reaches the network."""
        network = self._network
        guids = {(p.device, p.port): self._guid(host, p) for p in document.ports}
        rails = [port for port in document.ports if port.rail >= 0]
        at = {
            (port.device, port.port): leaf
            for port in document.ports
            if (leaf := self._leaf(port, guids[port.device, port.port]))
        }
        own = {port: guids[port.device, port.port] for port in rails}
        return Course(
            way=frozenset(
                (p.rail, at[p.device, p.port]) for p in rails if (p.device, p.port) in at
            ),
            at=at,
            guids=frozenset(guid for guid in own.values() if guid),
            miscabled=tuple(
                port.device
                for port, guid in own.items()
                if port.miscabled or guid in network.miscabled
            ),
            disputed=tuple(p.device for p, guid in own.items() if guid in network.disputed),
        )

    def _guid(self, host: str, port: Port) -> str:
        """Return a port's GUID; where the exporter tells none, by the name that the fabric has."""
        short = _short(host)
        if port.guid or short not in self._alone:
            return port.guid
        return self._network.named.get((short, port.device), "")

    def _leaf(self, port: Port, guid: str) -> Leaf:
        return self._network.leaves.get(guid, "") or (_LLDP + port.leaf if port.leaf else "")


def is_lldp(leaf: Leaf) -> bool:
    """Whether LLDP has named a leaf."""
    return leaf.startswith(_LLDP)


def names_of(network: Network, leaves: Iterable[Leaf]) -> dict[str, str]:
    """Return what each switch calls itself, and each of these leaves, by what identifies it."""
    told = {guid: switch.name for guid, switch in network.switches.items()}
    return told | {leaf: leaf.removeprefix(_LLDP) for leaf in leaves if is_lldp(leaf)}
