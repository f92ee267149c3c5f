"""rdma/counters: what went through a port, and how often its link went down."""

from collections.abc import Iterator
from contextlib import suppress

from catalog.rdma import (
    RDMA_PORT_CARRIER_DOWN,
    RDMA_PORT_LINK_DOWNED,
    RDMA_PORT_RECEIVE,
    RDMA_PORT_TRANSMIT,
)
from catalog.rdma_counters import LINK_DOWNED, RDMA_COUNTER_SATURATED
from exporters.errors import Absent
from exporters.facility import Facility
from exporters.rdma import netdev
from exporters.rdma.remembered import remembered
from exporters.rdma.sysfs import Port, count
from exporters.sample import Sample

WORD = 4
"""Bytes: port_rcv_data and port_xmit_data count 32-bit words (IBTA PortCountersExtended)."""


def received(port: Port) -> Iterator[Sample]:
    """Yield the bytes received."""
    yield port.sample(RDMA_PORT_RECEIVE, _bytes(port, "port_rcv_data", _RECEIVED))


def transmitted(port: Port) -> Iterator[Sample]:
    """Yield the bytes sent."""
    yield port.sample(RDMA_PORT_TRANSMIT, _bytes(port, "port_xmit_data", _SENT))


_RECEIVED = (("rx_bytes",), ("ip4InOctets", "ip6InOctets"))
_SENT = (("tx_bytes",), ("ip4OutOctets", "ip6OutOctets"))
"""What a driver counts in bytes, where the port itself counts nothing: EFA's and irdma's names."""


def _bytes(port: Port, words: str, own: tuple[tuple[str, ...], ...]) -> int:
    """Return what the port counts in words, else what its driver counts in bytes."""
    try:
        return WORD * port.take(f"counters/{words}", count)
    except Absent:
        for names in own[:-1]:
            with suppress(Absent):
                return _sum(port, names)
        return _sum(port, own[-1])


def _sum(port: Port, names: tuple[str, ...]) -> int:
    return sum(port.take(f"hw_counters/{name}", count) for name in names)


@remembered
def link_downed(port: Port) -> Iterator[Sample]:
    """Yield the times the link went down, as far as the port's 8 bits go."""
    value = port.take(f"{LINK_DOWNED.folder}/{LINK_DOWNED.file}", count)
    yield port.sample(RDMA_PORT_LINK_DOWNED, value)
    if value == LINK_DOWNED.ceiling:
        yield port.sample(RDMA_COUNTER_SATURATED, 1, LINK_DOWNED.file)


@remembered
def carrier_down(port: Port) -> Iterator[Sample]:
    """Yield the times the network interface lost its carrier."""
    if name := netdev.name(port):
        interface = port.open(str(netdev.folder(port, name)))
        yield port.sample(
            RDMA_PORT_CARRIER_DOWN, port.take_in(interface, "carrier_down_count", count, "")
        )


FACILITY = Facility(
    family="rdma",
    name="counters",
    reads="bytes through each RDMA port, and how often its link went down",
    readings=(received, transmitted, link_downed, carrier_down),
)
