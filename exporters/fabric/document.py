"""The fabric as a versioned JSON document, which the program serves at /fabric."""

from typing import Any

from catalog.fabric import SWITCH
from exporters.fabric.network import End, Network, quads
from exporters.fabric.rails import Place, Verdict
from exporters.fabric.tiers import role

KIND, VERSION = "fabric", 1


def describe(
    network: Network, tiers: dict[int, int], places: list[Place], verdict: Verdict
) -> dict[str, Any]:
    """Return the document; a GUID in it is always a port's, as in the metrics' labels."""
    return {
        "kind": KIND,
        "version": VERSION,
        "complete": network.complete,
        "switches": [
            {
                "guid": quads(switch.port_guid),
                "name": switch.name,
                "lid": switch.lid,
                "ports": switch.size,
                "tier": tiers.get(switch.guid),
                "role": role(tiers.get(switch.guid)),
            }
            for switch in network.kind(SWITCH)
        ],
        "hcas": [_hca(place) for place in places],
        "links": [_link(network, *ends) for ends in sorted(map(sorted, network.links))],
        "miscabled": [
            {**_hca(place), "expected_leaf": quads(network.nodes[expected].port_guid)}
            for place, expected in verdict.misplaced
        ],
    }


def _hca(place: Place) -> dict[str, Any]:
    return {
        "guid": quads(place.guid),
        "name": place.name,
        "host": place.host,
        "device": place.device,
        "leaf": quads(place.leaf.port_guid),
        "leaf_port": place.leaf_port,
    }


def _link(network: Network, one: End, other: End) -> list[str | int]:
    """Return a link's ends, each a GUID and a port's number, one after the other."""
    return [network.name(one)[0], one.port, network.name(other)[0], other.port]
