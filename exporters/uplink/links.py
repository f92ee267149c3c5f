"""Network interfaces, all of them with one question: what they carried, and whose they are."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from exporters.errors import Unreadable
from exporters.rdma.attributes import attribute, attributes, number
from exporters.uplink.rtnetlink import Rtnetlink, text, unpack

_GETLINK, _GETNSID = 18, 90
_IFINFO = struct.Struct("=BxHiII")
_RTGEN = struct.pack("=B3x", 0)
_IFNAME, _OPERSTATE, _STATS64, _LINK_NETNSID = 3, 16, 23, 37
_STATS = struct.Struct("=8Q56xQ")
_NSID, _NSFD = 1, 3
_SIGNED = struct.Struct("=i")
_UNKNOWN, _UP = 0, 6
"""RFC 2863's operational states, of which the others are ways of being down."""
_WHAT = "rtnetlink: interfaces"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One interface; its counts since it was made, in packets and bytes."""

    index: int
    name: str
    up: bool | None
    """None where the driver does not say."""
    netns: int | None
    """The kernel's number for the network namespace of its other end, None where that is here."""
    receive_bytes: int
    transmit_bytes: int
    receive_packets: int
    transmit_packets: int
    receive_drops: int
    transmit_drops: int
    receive_errors: int
    transmit_errors: int


def read_links(kernel: Rtnetlink) -> list[Link]:
    """Return all interfaces of this network namespace, by name."""
    request = _IFINFO.pack(0, 0, 0, 0, 0)
    found = {link.name: link for link in _links(kernel, request)}
    return [found[name] for name in sorted(found)]


def _links(kernel: Rtnetlink, request: bytes) -> Iterator[Link]:
    for body in kernel.dump(_GETLINK, request, _WHAT):
        yield decode(body)


def decode(body: bytes) -> Link:
    """Return the interface that a message tells of; Unreadable where it makes no sense."""
    _, _, index, _, _ = unpack(_IFINFO, body, _WHAT)
    held = dict(attributes(body[_IFINFO.size :]))
    if _IFNAME not in held or _STATS64 not in held:
        raise Unreadable(f"{_WHAT}: number {index} without name or statistics")
    state = number(held.get(_OPERSTATE, b"\0"), 8)
    counts = unpack(_STATS, held[_STATS64], _WHAT)
    rx_packets, tx_packets, rx_bytes, tx_bytes, rx_errors, tx_errors, *drops, missed = counts
    return Link(
        index=index,
        name=text(held[_IFNAME]),
        up=None if state == _UNKNOWN else state == _UP,
        netns=_SIGNED.unpack(held[_LINK_NETNSID])[0] if _is_number(held) else None,
        receive_bytes=rx_bytes,
        transmit_bytes=tx_bytes,
        receive_packets=rx_packets,
        transmit_packets=tx_packets,
        # Without buffers for them, packets are missed, which /proc/net/dev counts as dropped.
        receive_drops=drops[0] + missed,
        transmit_drops=drops[1],
        receive_errors=rx_errors,
        transmit_errors=tx_errors,
    )


def _is_number(held: dict[int, bytes]) -> bool:
    return len(held.get(_LINK_NETNSID, b"")) == _SIGNED.size


def netns_id(kernel: Rtnetlink, descriptor: int) -> int | None:
    """Return the kernel's number for an open network namespace, None where it gave it none."""
    request = _RTGEN + attribute(_NSFD, struct.pack("=I", descriptor))
    body = kernel.ask(_GETNSID, request, "rtnetlink: network namespaces")
    content = dict(attributes(body[len(_RTGEN) :])).get(_NSID, b"")
    if len(content) != _SIGNED.size:
        return None
    found = int(_SIGNED.unpack(content)[0])
    return found if found >= 0 else None
