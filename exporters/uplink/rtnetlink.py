"""Questions to the kernel's rtnetlink, in its own structures (include/uapi/linux/rtnetlink.h).

Spelled out for the reason given in docs/adr/0012-traffic-control-without-a-library.md.
"""

import errno
import os
import socket
import struct
import sys
from collections.abc import Iterator
from typing import Protocol

from exporters.errors import Absent, NotPermitted, Unreadable
from exporters.rdma.attributes import (
    HEADER,
    NLMSG_DONE,
    NLMSG_ERROR,
    REQUEST,
    Message,
    messages,
)

_DUMP = 0x300
_ROOM = 1 << 16
_WITHIN = 2.0
_MOST = 1 << 16
"""Messages of one answer that are believed."""
_ABSENT = frozenset({errno.EOPNOTSUPP, errno.EINVAL, errno.ENODEV, errno.ENOENT, errno.ENXIO})
_REFUSED = frozenset({errno.EPERM, errno.EACCES})


class Channel(Protocol):
    """The part of a netlink socket that is used."""

    def send(self, data: bytes, /) -> int:
        """Send a request."""

    def recv(self, room: int, /) -> bytes:
        """Return the next answer."""

    def close(self) -> None:
        """Close it."""


def _open() -> Channel:
    opened = socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE
    )
    opened.settimeout(_WITHIN)
    return opened


class Rtnetlink:
    """A socket to ask with."""

    def __init__(self, channel: Channel | None = None) -> None:
        """Open a socket in the network namespace of this process, or take one."""
        self._socket = channel or _open()
        self._sequence = 0

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def dump(self, kind: int, body: bytes, what: str) -> Iterator[bytes]:
        """Yield what follows the header of each message of a dump.

        Absent where there is no such thing, or the kernel does not know the question.
        """
        for message in self._exchange(kind, REQUEST | _DUMP, body, what):
            if message.kind == NLMSG_DONE:
                return
            yield message.body

    def ask(self, kind: int, body: bytes, what: str) -> bytes:
        """Return what follows the header of the one answer."""
        for message in self._exchange(kind, REQUEST, body, what):
            return message.body
        raise Unreadable(f"{what}: no answer")

    def _exchange(self, kind: int, flags: int, body: bytes, what: str) -> Iterator[Message]:
        self._sequence += 1
        size = HEADER.size + len(body)
        try:
            self._socket.send(HEADER.pack(size, kind, flags, self._sequence, 0) + body)
            for _ in range(_MOST):
                yield from self._received(what)
        except OSError as error:
            raise Unreadable(f"{what}: {error.strerror or error}") from None
        raise Unreadable(f"{what}: an answer without end")

    def _received(self, what: str) -> Iterator[Message]:
        received = self._socket.recv(_ROOM)
        if not received:
            raise Unreadable(f"{what}: an empty answer")
        for message in messages(received):
            if message.sequence == self._sequence:
                _check(message, what)
                yield message


def _check(message: Message, what: str) -> None:
    """Raise what an error means; both an error and a dump's end carry a number, 0 for none."""
    if message.kind not in (NLMSG_ERROR, NLMSG_DONE):
        return
    code = -int.from_bytes(message.body[:4], sys.byteorder, signed=True)
    if code in _REFUSED:
        raise NotPermitted(f"{what}: {os.strerror(code)}")
    if code or message.kind == NLMSG_ERROR:
        kind = Absent if code in _ABSENT else Unreadable
        raise kind(f"{what}: {os.strerror(abs(code))}")


def unpack(form: struct.Struct, content: bytes, what: str) -> tuple[int, ...]:
    """Return the numbers a structure begins with; later kernels may have made it longer."""
    if len(content) < form.size:
        raise Unreadable(f"{what}: {len(content)} bytes, not {form.size}")
    return form.unpack_from(content)


def text(content: bytes) -> str:
    """Return a name of the kernel's as a label may hold it."""
    name = content.rstrip(b"\0").decode("utf-8", "replace")
    return "".join(c if c.isprintable() else "\ufffd" for c in name)
