"""fabric/links: the state of each switch port, and links that are not as they could be."""

from collections.abc import Iterator, Mapping, Sequence

from catalog.fabric import (
    DOWN,
    FABRIC_LINK_BAD,
    FABRIC_LINKS_BAD,
    FABRIC_PORT_PHYSICAL_STATE,
    FABRIC_PORT_STATE,
    SLOW,
    SWITCH,
)
from exporters.errors import Absent
from exporters.fabric.linkinfo import Link
from exporters.fabric.network import End, Network, Node
from exporters.fabric.survey import Survey
from exporters.facility import Facility
from exporters.sample import Sample

MOST_BAD = 500
"""Links that are named for one reason; the total tells of the rest."""

_ACTIVE = 4


def states(survey: Survey) -> Iterator[Sample]:
    """Yield what the last discovery told of the switches' ports."""
    network, told = discovered(survey), survey.states()
    down, slow = list[End](), list[End]()
    for switch in network.kind(SWITCH):
        for number, link in _ports(switch, told):
            yield from _states(network.name(End(switch.guid, number)), link)
            if number in switch.ports:
                down += [End(switch.guid, number)] * (link.state not in (None, _ACTIVE))
                slow += [End(switch.guid, number)] * link.slow
    yield from bad(network, DOWN, down)
    yield from bad(network, SLOW, slow)


def discovered(survey: Survey) -> Network:
    """Return the last network; Absent where the last discovery brought none."""
    if survey.network is None:
        raise Absent("there was no discovery")
    return survey.network


def _ports(switch: Node, told: Mapping[tuple[int, int], Link]) -> Iterator[tuple[int, Link]]:
    for number in range(1, switch.size + 1):
        if (link := told.get((switch.port_guid, number))) is not None:
            yield number, link


def _states(end: tuple[str, str, str], link: Link) -> Iterator[Sample]:
    if link.state is not None:
        yield Sample(FABRIC_PORT_STATE, end, link.state)
    if link.physical_state is not None:
        yield Sample(FABRIC_PORT_PHYSICAL_STATE, end, link.physical_state)


def bad(network: Network, reason: str, ends: Sequence[End]) -> Iterator[Sample]:
    """Yield links that are bad for a reason, by the switch's end that shows it and its peer."""
    yield Sample(FABRIC_LINKS_BAD, (reason,), len(ends))
    for end in ends[:MOST_BAD]:
        peer = network.nodes[end.node].ports[end.port].peer
        yield Sample(FABRIC_LINK_BAD, (*network.name(end), *network.name(peer), reason), 1)


FACILITY = Facility(
    family="fabric",
    name="links",
    reads="states of the switches' ports, and links below what they could be",
    readings=(states,),
)
