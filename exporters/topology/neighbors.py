"""topology/neighbors: which switch port each network interface is plugged into, by LLDP."""

from collections.abc import Iterator

from catalog.topology import RDMA_LLDP_NEIGHBOR, RDMA_LLDP_SILENT
from exporters.errors import Unreadable
from exporters.facility import Facility
from exporters.sample import Sample
from exporters.topology.node import Node


def neighbors(node: Node) -> Iterator[Sample]:
    """Yield the neighbours, and of each other interface whether it is silent.

    Unreadable, afterwards, where the file or the wire could not be.
    """
    heard = node.hear()
    for netdev, one in heard.neighbors.items():
        yield Sample(RDMA_LLDP_NEIGHBOR, (netdev, one.system, one.chassis, one.port), 1)
    for netdev, silent in heard.silent.items():
        if netdev not in heard.neighbors:
            yield Sample(RDMA_LLDP_SILENT, (netdev,), float(silent))
    if heard.reason:
        raise Unreadable(heard.reason)


FACILITY = Facility(
    family="topology",
    name="neighbors",
    reads="the switch ports that network interfaces are plugged into, by LLDP",
    readings=(neighbors,),
)
