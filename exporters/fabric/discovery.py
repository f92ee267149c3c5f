"""What ibnetdiscover prints (infiniband-diags; format of its topology file), read into a network.

Every node is a paragraph: its GUIDs, a line with kind, number of ports and description, then one
line a linked port. Descriptions are what a node's owner set: any character may stand in them.
"""

import re
from dataclasses import dataclass, field, replace

from catalog.fabric import AGGREGATION, HCA, ROUTER, SWITCH
from exporters.fabric.fabric import IBNETDISCOVER, Said, garbled
from exporters.fabric.network import End, Network, Node, Port

_HEX = "[0-9a-f]{1,16}"
_GUIDS = re.compile(rf"(?:switch|ca|rt)guid=0x({_HEX})\(({_HEX})\)")
_NODE = re.compile(
    rf'(Switch|Ca|Rt)\t([0-9]{{1,3}}) "[SHR]-({_HEX})"\s+# "(.*)"(?:.* lid ([0-9]{{1,5}}) lmc .*)?'
)
_PORT = re.compile(
    rf"\[([0-9]{{1,3}})\](?:\[ext [^\]]*\])?(?:\(({_HEX})\))?\s+"
    rf'"[SHR]-({_HEX})"\[([0-9]{{1,3}})\](?:\[ext [^\]]*\])?(?:\({_HEX}\))?\s*#(.*)'
)
_RATE = re.compile(r".* ([0-9]{1,2}x)([A-Z0-9]{2,8})\s*")
_KINDS = {"Switch": SWITCH, "Ca": HCA, "Rt": ROUTER}
_AGGREGATION = "Aggregation Node"
"""In the description of what computes inside a Quantum switch (SHARP)."""

_LONGEST = 128
_MOST_UNREAD = 8
_PORTS = range(1, 255)


@dataclass(slots=True)
class _Paragraph:
    """A node of which not all lines are read."""

    node: Node
    ports: dict[int, Port] = field(default_factory=dict)


def parse(said: Said) -> Network:
    """Return the network; ToolError where no node is in it.

    Where the tool complained, nodes did not answer: the network is not complete.
    """
    read = _Reader()
    for line in said.output.split("\n"):
        read.line(line)
    if not read.paragraphs:
        raise garbled(IBNETDISCOVER, "no node in its answer")
    return Network(
        nodes={p.node.guid: replace(p.node, ports=p.ports) for p in read.paragraphs},
        complete=not said.complaints.strip() and not read.unread,
        unread=tuple(read.unread[:_MOST_UNREAD]),
    )


class _Reader:
    """Takes line after line."""

    def __init__(self) -> None:
        self.paragraphs: list[_Paragraph] = []
        self.unread: list[str] = []
        self._port_guid = 0
        self._owner: _Paragraph | None = None
        """Whose ports follow; None where its own line made no sense."""

    def line(self, line: str) -> None:
        if line.startswith("["):
            self._port(line)
        elif line.startswith(("Switch\t", "Ca\t", "Rt\t")):
            self._node(line)
        elif found := _GUIDS.match(line):
            self._port_guid = int(found[2], 16)

    def _node(self, line: str) -> None:
        found = _NODE.fullmatch(line)
        self._owner = None
        if found is None:
            self.unread.append(line)
            return
        kind, name = _KINDS[found[1]], printable(found[4])
        if kind == HCA and _AGGREGATION in name:
            kind = AGGREGATION
        node = Node(
            guid=int(found[3], 16),
            kind=kind,
            name=name,
            ports={},
            port_guid=self._port_guid if kind == SWITCH else 0,
            lid=int(found[5] or 0),
            size=int(found[2]),
        )
        self._owner = _Paragraph(node)
        self.paragraphs.append(self._owner)

    def _port(self, line: str) -> None:
        found = _PORT.fullmatch(line)
        owner = self._owner
        if found is None or owner is None or int(found[1]) not in _PORTS:
            self.unread.append(line)
            return
        rate = _RATE.fullmatch(found[5])
        owner.ports[int(found[1])] = Port(
            guid=int(found[2], 16) if found[2] else owner.node.port_guid or owner.node.guid,
            peer=End(int(found[3], 16), int(found[4])),
            width=rate[1] if rate else "",
            speed=rate[2] if rate else "",
        )


def printable(text: str) -> str:
    """Return a description as a label may hold it."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text[:_LONGEST]).strip()
