"""Changes of network interfaces as the kernel tells them (rtnl), also between two readings."""

import errno
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from exporters.errors import Unreadable
from exporters.rdma.attributes import attributes, messages, number

_ROUTE, _GROUP_LINK = 0, 1
_NEWLINK, _DELLINK = 16, 17
_IFINFO = struct.Struct("=BxHiII")
_IFNAME, _UP_COUNT, _DOWN_COUNT = 3, 47, 48
_ROOM = 1 << 18
_QUEUE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """How often an interface has gained and lost its carrier, since it is there."""

    index: int
    netdev: str
    ups: int
    downs: int
    gone: bool = False
    """Whether the interface was taken away, or into another namespace."""


@dataclass(slots=True)
class Changes:
    """What was told of an interface since the socket was opened."""

    ups: int = 0
    downs: int = 0


class LinkMonitor:
    """A socket that hears of every change, and what it heard."""

    def __init__(self) -> None:
        """Subscribe, in the network namespace of this process."""
        kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        self._socket = socket.socket(socket.AF_NETLINK, kind, _ROUTE)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _QUEUE)
        self._socket.bind((0, _GROUP_LINK))
        self._last: dict[int, Carrier] = {}
        self._changes: dict[str, Changes] = {}

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def changes(self, netdev: str) -> Changes | None:
        """Return what is known of an interface; None before it was followed."""
        return self._changes.get(netdev)

    def follow(self, carrier: Carrier) -> None:
        """Begin with what an interface counted when it was first read."""
        if carrier.netdev not in self._changes:
            self._changes[carrier.netdev] = Changes()
            self._last.setdefault(carrier.index, carrier)

    def listen(self) -> None:
        """Take all that was told since the last call.

        What the kernel threw away because nobody listened is made good by its next message, which
        carries the counts.
        """
        while True:
            try:
                received = self._socket.recv(_ROOM)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno == errno.ENOBUFS:
                    continue
                raise Unreadable(f"rtnl: {error.strerror}") from None
            for carrier in carriers(received):
                self._take(carrier)

    def _take(self, now: Carrier) -> None:
        if now.gone:
            self._last.pop(now.index, None)
            self._changes.pop(now.netdev, None)
            return
        before = self._last.get(now.index, now)
        if now.ups < before.ups or now.downs < before.downs:
            return  # told before the counts were read that it is compared with
        self._last[now.index] = now
        if (known := self._changes.get(now.netdev)) is not None:
            known.ups += now.ups - before.ups
            known.downs += now.downs - before.downs


def carriers(received: bytes) -> Iterator[Carrier]:
    """Yield what the messages of a datagram say of carriers; Unreadable where it is cut short."""
    for message in messages(received):
        if message.kind in (_NEWLINK, _DELLINK) and len(message.body) >= _IFINFO.size:
            said = dict(attributes(message.body[_IFINFO.size :]))
            if {_IFNAME, _UP_COUNT, _DOWN_COUNT} <= said.keys():
                yield Carrier(
                    index=_IFINFO.unpack_from(message.body)[2],
                    netdev=said[_IFNAME].rstrip(b"\0").decode("utf-8", "replace"),
                    ups=number(said[_UP_COUNT], 32),
                    downs=number(said[_DOWN_COUNT], 32),
                    gone=message.kind == _DELLINK,
                )
