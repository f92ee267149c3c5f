"""uplink/interfaces: what the interfaces of each line carried and dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.uplink import (
    INTERFACE_COUNT,
    INTERFACE_UP,
    INTERFACES,
    OMITTED_ITEMS,
    RECEIVE_BYTES,
    RECEIVE_DROPS,
    RECEIVE_ERRORS,
    RECEIVE_PACKETS,
    TRANSMIT_BYTES,
    TRANSMIT_DROPS,
    TRANSMIT_ERRORS,
    TRANSMIT_PACKETS,
)
from exporters.facility import Facility
from exporters.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporters.uplink.links import Link
    from exporters.uplink.view import View

MOST = 64
"""Interfaces of a line that are shown."""


def interfaces(view: View) -> Iterator[Sample]:
    """Yield the counts of each line's interfaces."""
    for line in view.config.lines:
        if not line.interfaces:
            continue
        found = list(view.named(line.interfaces))
        yield Sample(INTERFACE_COUNT, (line.name,), len(found))
        yield Sample(OMITTED_ITEMS, (line.name, INTERFACES), max(0, len(found) - MOST))
        for link in found[:MOST]:
            yield from _interface((line.name, link.name), link)


def _interface(labels: tuple[str, str], link: Link) -> Iterator[Sample]:
    if link.up is not None:
        yield Sample(INTERFACE_UP, labels, float(link.up))
    yield Sample(RECEIVE_BYTES, labels, link.receive_bytes)
    yield Sample(TRANSMIT_BYTES, labels, link.transmit_bytes)
    yield Sample(RECEIVE_PACKETS, labels, link.receive_packets)
    yield Sample(TRANSMIT_PACKETS, labels, link.transmit_packets)
    yield Sample(RECEIVE_DROPS, labels, link.receive_drops)
    yield Sample(TRANSMIT_DROPS, labels, link.transmit_drops)
    yield Sample(RECEIVE_ERRORS, labels, link.receive_errors)
    yield Sample(TRANSMIT_ERRORS, labels, link.transmit_errors)


FACILITY = Facility(
    family="uplink",
    name="interfaces",
    reads="traffic, drops and errors of the lines' network interfaces",
    readings=(interfaces,),
)
