"""A fabric as one discovery saw it: nodes, ports, links."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from catalog.fabric import SWITCH


class End(NamedTuple):
    """One end of a link: a node's GUID (not the port's) and the port's number."""

    node: int
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A linked port."""

    guid: int
    """Its port GUID; that of a switch is the same for all of its ports."""
    peer: End
    width: str = ""
    """As the tool spells both, such as `4x` and `NDR`; empty where it does not."""
    speed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node and its linked ports by number."""

    guid: int
    kind: str
    name: str
    """Its node description."""
    ports: Mapping[int, Port]
    port_guid: int = 0
    """A switch's port GUID."""
    lid: int = 0
    """A switch's."""
    size: int = 0
    """Ports it has, linked or not."""


@dataclass(frozen=True, kw_only=True)
class Network:
    """Nodes by GUID. A link is there from both of its ends, if both are."""

    nodes: Mapping[int, Node]
    complete: bool = True
    """Whether every node answered."""
    unread: tuple[str, ...] = field(default=())
    """Lines that made no sense."""

    def kind(self, kind: str) -> Iterator[Node]:
        """Yield the nodes of a kind, by GUID."""
        return (self.nodes[guid] for guid in sorted(self.nodes) if self.nodes[guid].kind == kind)

    @cached_property
    def links(self) -> frozenset[frozenset[End]]:
        """The links, each once."""
        return frozenset(
            frozenset((End(node.guid, number), port.peer))
            for node in self.nodes.values()
            for number, port in node.ports.items()
            if port.peer.node in self.nodes
        )

    @cached_property
    def by_port_guid(self) -> Mapping[int, Node]:
        """Each node by its port GUIDs."""
        switches = {node.port_guid: node for node in self.kind(SWITCH)}
        others = {
            port.guid: node
            for node in self.nodes.values()
            if node.kind != SWITCH
            for port in node.ports.values()
        }
        return others | switches

    def name(self, end: End) -> tuple[str, str, str]:
        """Return an end as labels have it: port GUID, description, port number."""
        node = self.nodes.get(end.node)
        if node is None:
            return quads(end.node), "", str(end.port)
        port = node.ports.get(end.port)
        return quads(port.guid if port else node.port_guid or node.guid), node.name, str(end.port)


def quads(guid: int) -> str:
    """Return a GUID in the kernel's notation."""
    text = f"{guid:016x}"
    return ":".join(text[at : at + 4] for at in range(0, 16, 4))
