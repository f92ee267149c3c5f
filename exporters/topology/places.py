"""topology/places: roles, rails and affinities, and the document that holds all of it."""

from collections.abc import Iterator

from exporters.facility import Facility
from exporters.sample import Note, Sample
from exporters.topology.document import document
from exporters.topology.node import Node
from exporters.topology.view import samples

DOCUMENT = "document"
"""A note: the document, for the page /topology."""


def places(node: Node) -> Iterator[Sample | Note]:
    """Yield the places, and the document."""
    topology = node.look()
    yield from samples(topology)
    yield Note(DOCUMENT, document(topology))


FACILITY = Facility(
    family="topology",
    name="places",
    reads="where GPUs and NICs stand: PCI tree, affinities, roles, rails",
    readings=(places,),
)
