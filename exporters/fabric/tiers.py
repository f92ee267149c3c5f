"""Which switches are leaves, spines and cores: their distance from the nodes."""

from collections.abc import Mapping

from catalog.fabric import CORE, HCA, LEAF, SPINE, SWITCH, UNKNOWN
from exporters.fabric.network import Network, Node

_MORE = 4
"""A switch with a few HCAs beside two with this many times as many is no leaf: managers and
gateways hang on spines too."""

_ROLES = (LEAF, SPINE, CORE)


def tiers(network: Network) -> dict[int, int]:
    """Return the tier of each switch by GUID: 0 for leaves; absent where no way leads to one."""
    hcas = {node.guid: _hcas(network, node) for node in network.kind(SWITCH)}
    nearest = [guid for guid in hcas if _is_leaf(network, guid, hcas)]
    found = dict.fromkeys(nearest, 0)
    while nearest:
        nearest = _next(network, nearest, found)
    return found


def _next(network: Network, nearest: list[int], found: dict[int, int]) -> list[int]:
    """Give the switches beside these the next tier, and return them."""
    reached = []
    for guid in nearest:
        for neighbour in _switches(network, network.nodes[guid]):
            if neighbour not in found:
                found[neighbour] = found[guid] + 1
                reached.append(neighbour)
    return reached


def role(tier: int | None) -> str:
    """Return the word for a tier; beyond the third all are cores."""
    return UNKNOWN if tier is None else _ROLES[min(tier, len(_ROLES) - 1)]


def _is_leaf(network: Network, guid: int, hcas: Mapping[int, int]) -> bool:
    own = hcas[guid]
    beside = _switches(network, network.nodes[guid])
    return own > 0 and sum(hcas[switch] >= _MORE * own for switch in beside) < 2  # noqa: PLR2004


def _hcas(network: Network, switch: Node) -> int:
    peers = (network.nodes.get(port.peer.node) for port in switch.ports.values())
    return sum(peer is not None and peer.kind == HCA for peer in peers)


def _switches(network: Network, of: Node) -> set[int]:
    peers = (network.nodes.get(port.peer.node) for port in of.ports.values())
    return {peer.guid for peer in peers if peer is not None and peer.kind == SWITCH}
