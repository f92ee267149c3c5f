"""topology/places: roles, rails and affinities, and the document that holds all of it."""

from collections.abc import Iterator

from exporters.facility import Facility
from exporters.rdma.peers import note
from exporters.sample import Note, Sample
from exporters.topology.document import document
from exporters.topology.node import Node
from exporters.topology.view import plugged, samples

DOCUMENT = "document"
"""A note: the document, for the page /topology."""


def places(node: Node) -> Iterator[Sample | Note]:
    """Yield the places, what the ports are plugged into, and the document."""
    topology = node.look()
    yield from samples(topology)
    for port, neighbor in plugged(topology):
        yield note(port, neighbor.leaf, neighbor.port)
    yield Note(DOCUMENT, document(topology))


FACILITY = Facility(
    family="topology",
    name="places",
    reads="where GPUs and NICs stand: PCI tree, affinities, roles, rails",
    readings=(places,),
)
