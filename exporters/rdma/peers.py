"""The other end of each port's link, as it was last known.

A neighbour that is told by LLDP is forgotten when the link is down, which is when it is asked for:
so it is remembered here, until another one is heard, or the program ends.
"""

import json
from collections.abc import Collection, Iterator

from catalog.rdma_link import RDMA_PORT_PEER
from exporters.facility import Cycle
from exporters.rdma.history import PortKey
from exporters.sample import Note, Sample

PEER = "peer"
"""A note: a port, and the switch port at the other end."""


def note(port: PortKey, peer: str, peer_port: str) -> Note:
    """Return what tells the program of a port's other end."""
    return Note(PEER, json.dumps([port, peer, peer_port]))


class Peers:
    """Those of all ports."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._known: dict[PortKey, tuple[str, str]] = {}

    def learn(self, cycle: Cycle) -> None:
        """Take what a cycle tells; what it does not is as it was."""
        for told in cycle.notes(PEER):
            port, peer, peer_port = json.loads(str(told))
            self._known[tuple(port)] = peer, peer_port

    def samples(self, ports: Collection[PortKey]) -> Iterator[Sample]:
        """Yield the other ends of these ports."""
        for port, ends in sorted(self._known.items()):
            if port in ports:
                yield Sample(RDMA_PORT_PEER, (*port, *ends), 1)
