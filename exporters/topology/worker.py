"""What a worker of the topology family works on: the whole node."""

from collections.abc import Iterator
from functools import partial

from exporters.facility import Outcome
from exporters.post import Target
from exporters.registry import TOPOLOGY, chosen
from exporters.runtime import run
from exporters.sample import Note
from exporters.settings import Settings
from exporters.topology.lldp_frames import Listener
from exporters.topology.node import Node


class TopologySession:
    """The node; the worker lasts where it listens for frames, which come every 30 s."""

    notes: tuple[Note, ...] = ()

    def __init__(self, settings: Settings, node: Node) -> None:
        """Take the node."""
        self.lasting = settings.lldp_listen
        self._node = node
        self._facilities = chosen(TOPOLOGY, settings.facilities)

    def cycle(self) -> Iterator[Outcome]:
        """Run each facility; neighbours come first, as rails need them."""
        self._node.begin()
        for facility in self._facilities:
            yield run(facility, (self._node,))


def attach(settings: Settings, _target: Target) -> TopologySession:
    """Open the node; nothing is read yet."""
    node = Node(
        sysfs=settings.sysfs,
        procfs=settings.procfs,
        roles_file=settings.topology_roles_file,
        lldp_file=settings.lldp_file,
        listen=partial(Listener, settings.lldp_silence) if settings.lldp_listen else None,
    )
    return TopologySession(settings, node)
