"""Netlink messages as they go over the wire: headers, and attributes in them.

Layout of include/uapi/linux/netlink.h, in this machine's byte order.
"""

import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from exporters.errors import Unreadable

HEADER = struct.Struct("=IHHII")
"""Length, type, flags, sequence number, port."""

NLMSG_ERROR, NLMSG_DONE = 2, 3
REQUEST = 1
NESTED = 1 << 15

_ATTRIBUTE = struct.Struct("=HH")
_TYPE_BITS = 0x3FFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message; `body` is what follows its header."""

    kind: int
    sequence: int
    body: bytes


def messages(received: bytes) -> Iterator[Message]:
    """Yield the messages in a datagram; Unreadable where it is cut short."""
    at = 0
    while at + HEADER.size <= len(received):
        length, kind, _, sequence, _ = HEADER.unpack_from(received, at)
        if not HEADER.size <= length <= len(received) - at:
            raise Unreadable(f"netlink: a message of {length} bytes in {len(received) - at}")
        yield Message(kind=kind, sequence=sequence, body=received[at + HEADER.size : at + length])
        at += _padded(length)


def attributes(body: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield each attribute's type and content; Unreadable where one is cut short."""
    at = 0
    while at + _ATTRIBUTE.size <= len(body):
        length, kind = _ATTRIBUTE.unpack_from(body, at)
        if not _ATTRIBUTE.size <= length <= len(body) - at:
            raise Unreadable(f"netlink: an attribute of {length} bytes in {len(body) - at}")
        yield kind & _TYPE_BITS, body[at + _ATTRIBUTE.size : at + length]
        at += _padded(length)


def attribute(kind: int, content: bytes) -> bytes:
    """Return an attribute as it is sent."""
    length = _ATTRIBUTE.size + len(content)
    return _ATTRIBUTE.pack(length, kind) + content + bytes(_padded(length) - length)


def message(kind: int, sequence: int, body: bytes) -> bytes:
    """Return a request as it is sent."""
    return HEADER.pack(HEADER.size + len(body), kind, REQUEST, sequence, 0) + body


def number(content: bytes, bits: int) -> int:
    """Return an unsigned number; Unreadable where the content is not just as long."""
    if len(content) * 8 != bits:
        raise Unreadable(f"netlink: {len(content)} bytes are no number of {bits} bits")
    return int.from_bytes(content, sys.byteorder)


def _padded(length: int) -> int:
    return (length + 3) & ~3
