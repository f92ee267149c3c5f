"""Networks without any tool: what a discovery of a described fabric would find."""

from exporters.fabric.network import End, Network, Node, Port
from testbed.ibsim import Fabric

SWITCH_GUIDS = 0x200000
HCA_GUIDS = 0x100000


def network(fabric: Fabric) -> Network:
    """Return the network, every node's GUID by its place in the description."""
    names = [*fabric.switches, *fabric.hcas]
    guids = {name: _guid(fabric, name) for name in names}
    peers = fabric.peers
    ports: dict[str, dict[int, Port]] = {name: {} for name in names}
    for (name, number), (peer, far) in peers.items():
        ports[name][number] = Port(
            guid=guids[name], peer=End(guids[peer], far), width="4x", speed="HDR"
        )
    return Network(
        nodes={
            guids[name]: Node(
                guid=guids[name],
                kind="switch" if name in fabric.switches else "hca",
                name=name,
                ports=ports[name],
                port_guid=guids[name] if name in fabric.switches else 0,
                lid=1 + at,
                size=fabric.switches.get(name, 1),
            )
            for at, name in enumerate(names)
        }
    )


def _guid(fabric: Fabric, name: str) -> int:
    if name in fabric.switches:
        return SWITCH_GUIDS + list(fabric.switches).index(name)
    return HCA_GUIDS + list(fabric.hcas).index(name)
