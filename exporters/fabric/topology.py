"""fabric/topology: nodes, tiers, links, and which HCAs hang on the wrong leaf."""

import json
from collections.abc import Iterator

from catalog.fabric import (
    FABRIC_COMPLETE,
    FABRIC_HCA_INFO,
    FABRIC_LINK_INFO,
    FABRIC_LINKS,
    FABRIC_MISCABLED,
    FABRIC_NODES,
    FABRIC_PORT_LANES,
    FABRIC_PORT_RATE,
    FABRIC_RAILS_JUDGED,
    FABRIC_SWITCH_INFO,
    KINDS,
    SWITCH,
)
from exporters.errors import Unreadable
from exporters.fabric import document
from exporters.fabric.network import End, Network, Port, quads
from exporters.fabric.notes import DOCUMENT
from exporters.fabric.rails import Place, Verdict, judge, places
from exporters.fabric.survey import Survey
from exporters.fabric.tiers import role, tiers
from exporters.facility import Facility
from exporters.sample import Note, Sample

_GIGABITS = {
    "SDR": 2.5, "DDR": 5, "QDR": 10, "FDR10": 10, "FDR": 14, "EDR": 25, "HDR": 50, "NDR": 100,
    "XDR": 200,
}  # fmt: skip
"""Of a lane, as the kernel's `rate` has them."""


def discovered(survey: Survey) -> Iterator[Sample | Note]:
    """Yield the fabric of a new discovery; Unreadable afterwards for lines that made no sense."""
    network = survey.discover()
    found, all_places = tiers(network), places(network)
    verdict = judge(all_places)
    yield Note(DOCUMENT, json.dumps(document.describe(network, found, all_places, verdict)))
    yield from _totals(network)
    yield from _switches(network, found)
    yield from (_hca(place) for place in all_places)
    yield from _rails(network, verdict)
    yield from _links(network)
    if network.unread:
        raise Unreadable(f"ibnetdiscover: {network.unread[0][:80]!r} makes no sense")


def _totals(network: Network) -> Iterator[Sample]:
    yield Sample(FABRIC_COMPLETE, (), float(network.complete))
    for kind in KINDS:
        yield Sample(FABRIC_NODES, (kind,), sum(1 for _ in network.kind(kind)))
    yield Sample(FABRIC_LINKS, (), len(network.links))


def _switches(network: Network, found: dict[int, int]) -> Iterator[Sample]:
    for switch in network.kind(SWITCH):
        tier = found.get(switch.guid)
        told = (quads(switch.port_guid), switch.name, "" if tier is None else str(tier))
        yield Sample(FABRIC_SWITCH_INFO, (*told, role(tier)), 1)


def _hca(place: Place) -> Sample:
    return Sample(FABRIC_HCA_INFO, _where(place), 1)


def _where(place: Place) -> tuple[str, ...]:
    leaf = (quads(place.leaf.port_guid), place.leaf.name, str(place.leaf_port))
    return (quads(place.guid), place.host, place.device, *leaf)


def _rails(network: Network, verdict: Verdict) -> Iterator[Sample]:
    for place, expected in verdict.misplaced:
        right = network.nodes[expected]
        labels = (*_where(place), quads(right.port_guid), right.name)
        yield Sample(FABRIC_MISCABLED, labels, 1)
    yield Sample(FABRIC_RAILS_JUDGED, ("yes",), verdict.judged)
    yield Sample(FABRIC_RAILS_JUDGED, ("no",), verdict.unjudged)


def _links(network: Network) -> Iterator[Sample]:
    for switch in network.kind(SWITCH):
        for number, port in sorted(switch.ports.items()):
            end = network.name(End(switch.guid, number))
            yield Sample(FABRIC_LINK_INFO, (*end, *network.name(port.peer)), 1)
            yield from _speed(end, port)


def _speed(end: tuple[str, str, str], port: Port) -> Iterator[Sample]:
    gigabits = _GIGABITS.get(port.speed)
    if gigabits is not None:
        lanes = int(port.width.rstrip("x"))
        yield Sample(FABRIC_PORT_LANES, end, lanes)
        yield Sample(FABRIC_PORT_RATE, end, lanes * gigabits * 1e9 / 8)


FACILITY = Facility(
    family="fabric",
    name="topology",
    reads="nodes, tiers and links of the fabric, and HCAs on the wrong leaf",
    readings=(discovered,),
)
