"""rdma/counters: what went through a port, and how often its link went down."""

from collections.abc import Iterator

from catalog.rdma import RDMA_PORT_LINK_DOWNED, RDMA_PORT_RECEIVE, RDMA_PORT_TRANSMIT
from exporters.facility import Facility
from exporters.rdma.sysfs import Port
from exporters.sample import Sample

WORD = 4
"""Bytes: port_rcv_data and port_xmit_data count 32-bit words (IBTA PortCountersExtended)."""


def received(port: Port) -> Iterator[Sample]:
    """Yield the bytes received."""
    yield port.sample(RDMA_PORT_RECEIVE, WORD * port.counter("counters/port_rcv_data"))


def transmitted(port: Port) -> Iterator[Sample]:
    """Yield the bytes sent."""
    yield port.sample(RDMA_PORT_TRANSMIT, WORD * port.counter("counters/port_xmit_data"))


def link_downed(port: Port) -> Iterator[Sample]:
    """Yield the times the link went down."""
    yield port.sample(RDMA_PORT_LINK_DOWNED, port.counter("counters/link_downed"))


FACILITY = Facility(
    family="rdma",
    name="counters",
    reads="bytes through each RDMA port, and how often its link went down",
    readings=(received, transmitted, link_downed),
)
