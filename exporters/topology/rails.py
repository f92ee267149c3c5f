"""Rails: the compute ports in the order of their GPUs, and the leaf that each of them reaches.

On a rail-optimised fabric the ports of one number reach the same leaf on every node. One node alone
cannot see that; it tells number and leaf, and whether they are those declared.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from catalog.topology import COMPUTE
from exporters.topology.affinity import Affinity
from exporters.topology.lldp import Neighbor, of_wires
from exporters.topology.nics import Nic, NicPort, natural
from exporters.topology.roles import Declared, Role

_LAST = "\uffff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rail:
    """One compute port's place in the network."""

    number: int
    device: str
    port: str
    leaf: str
    """What the switch calls itself, "" where it is not known."""
    expected: str
    """The leaf declared for the rail, "" where none is."""
    reason: str
    """Why the leaf is not known, or not verified."""

    @property
    def miscabled(self) -> bool | None:
        """Whether it reaches another leaf than it should; None where that cannot be told."""
        return self.leaf != self.expected if self.leaf and self.expected else None


def rails(
    nics: Iterable[Nic],
    roles: Mapping[str, Role],
    near: Iterable[Affinity],
    neighbors: Mapping[str, Neighbor],
    declared: Declared,
) -> list[Rail]:
    """Return the rails in order: by the nearest GPU, then by the NIC's place, then by port."""
    gpu: dict[str, str] = {}
    for one in sorted(near, key=lambda a: (a.distance, a.gpu)):
        gpu.setdefault(one.nic, one.gpu)
    compute = [nic for nic in nics if roles[nic.name].role == COMPUTE]
    compute.sort(key=lambda n: (gpu.get(n.address, _LAST), n.address or _LAST, natural(n.name)))
    ports = [port for nic in compute for port in nic.ports if port.device]
    return [_rail(number, port, neighbors, declared) for number, port in enumerate(ports)]


def _rail(
    number: int, port: NicPort, neighbors: Mapping[str, Neighbor], declared: Declared
) -> Rail:
    neighbor = of_wires(neighbors, port.wires)
    leaf = neighbor.leaf if neighbor else ""
    expected = declared.leaves.get(number, "")
    return Rail(
        number=number,
        device=port.device,
        port=port.port,
        leaf=leaf,
        expected=expected,
        reason=_reason(port, leaf, expected),
    )


def _reason(port: NicPort, leaf: str, expected: str) -> str:
    if leaf:
        return "" if expected else "no leaf is declared for this rail"
    if not port.has_lldp:
        return "InfiniBand has no LLDP: the fabric's own topology tells"
    return "no LLDP neighbour is known" if port.wires else "no network interface is known"
