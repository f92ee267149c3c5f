"""How a peer is probed: by a TCP connection that is closed at once, or by an ICMP echo.

Nothing here waits. A probe is begun, and goes on when its socket has something to tell.
"""

import errno
import os
import selectors
import socket
import struct
from collections.abc import Callable
from ipaddress import ip_address
from typing import Protocol

from catalog.uplink_probes import ANSWERED, ERROR, REFUSED, TCP, TIMEOUT, UNREACHABLE
from exporters.errors import NotPermitted, Unreadable
from exporters.uplink.config import Peer

_MEANINGS = {
    errno.ECONNREFUSED: REFUSED,
    errno.ECONNRESET: REFUSED,
    errno.ETIMEDOUT: TIMEOUT,
    errno.ENETUNREACH: UNREACHABLE,
    errno.EHOSTUNREACH: UNREACHABLE,
    errno.ENETDOWN: UNREACHABLE,
    errno.EHOSTDOWN: UNREACHABLE,
    errno.ENONET: UNREACHABLE,
}
_PENDING = frozenset({0, errno.EINPROGRESS})
_ECHO = struct.Struct("!BBHHH")
_REQUESTS = {4: (8, 0), 6: (128, 129)}
"""Types of an echo request and of its reply, by the version of IP."""
_TOKEN = 16
_MOST_STRAY = 64
"""Packets that are not the answer, of those looked through at once."""


class Attempt(Protocol):
    """A way to probe one peer."""

    watched: int
    """What of its socket to wait for: selectors.EVENT_READ or EVENT_WRITE."""
    socket: socket.socket | None
    """To be waited for, while a probe is under way."""

    def begin(self) -> str | None:
        """Send a probe; return a result where it has failed already."""

    def go_on(self) -> str | None:
        """Look what the socket has to tell; return a result where that ends the probe."""

    def end(self) -> None:
        """Give up whatever is under way; close what is open."""


def _meaning(code: int) -> str:
    """Return the result that an error number stands for."""
    return _MEANINGS.get(code, ERROR)


def _family(peer: Peer) -> int:
    """Return the address family of a peer."""
    return socket.AF_INET6 if ":" in peer.address else socket.AF_INET


class TcpAttempt:
    """Connects, and leaves."""

    watched = selectors.EVENT_WRITE

    def __init__(self, peer: Peer) -> None:
        """Take whom to connect to."""
        self._peer = peer
        self.socket: socket.socket | None = None

    def begin(self) -> str | None:
        """Send the first packet of a connection."""
        try:
            self.socket = socket.socket(_family(self._peer), socket.SOCK_STREAM)
            self.socket.settimeout(0)
            code = self.socket.connect_ex((self._peer.address, self._peer.port))
        except OSError as error:  # no descriptor left
            return _meaning(error.errno or 0)
        return None if code in _PENDING else _meaning(code)

    def go_on(self) -> str | None:
        """Return how the connection came out."""
        if self.socket is None:
            return ERROR
        code = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        return _meaning(code) if code else ANSWERED

    def end(self) -> None:
        """Leave."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None


class IcmpAttempt:
    """Sends an echo request, with a token by which its own answer is known."""

    watched = selectors.EVENT_READ

    def __init__(self, peer: Peer, opened: Callable[[Peer], socket.socket]) -> None:
        """Take whom to ask, and who opens the socket for it."""
        self._peer = peer
        self._open = opened
        self._version = ip_address(peer.address).version
        self._sequence = 0
        self._token = b""
        self.socket: socket.socket | None = None

    def begin(self) -> str | None:
        """Send an echo request."""
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._token = os.urandom(_TOKEN)
        try:
            self.socket = self._open(self._peer)
            self.socket.connect((self._peer.address, 0))
            self.socket.send(self._request())
        except OSError as error:
            return _meaning(error.errno or 0)
        return None

    def _request(self) -> bytes:
        kind, _ = _REQUESTS[self._version]
        bare = _ECHO.pack(kind, 0, 0, os.getpid() & 0xFFFF, self._sequence) + self._token
        # The kernel knows the addresses that the sum of an ICMPv6 packet covers, and adds it.
        total = checksum(bare) if self._version == 4 else 0  # noqa: PLR2004 - IPv4
        return bare[:2] + struct.pack("!H", total) + bare[4:]

    def go_on(self) -> str | None:
        """Return how the probe ended, None while what came is not its answer."""
        if self.socket is None:
            return ERROR
        try:
            for _ in range(_MOST_STRAY):
                if self._is_answer(self.socket.recv(2048)):
                    return ANSWERED
        except BlockingIOError:
            return None
        except OSError as error:
            return _meaning(error.errno or 0)
        return None

    def _is_answer(self, packet: bytes) -> bool:
        """Whether a packet, with an IPv4 header before it where the socket is raw, is the answer.

        A socket for pings has an identifier of the kernel's choice in it: so the token tells.
        """
        _, reply = _REQUESTS[self._version]
        whole = _ECHO.size + _TOKEN
        return packet.endswith(self._token) and packet[-whole:][:1] == bytes((reply,))

    def end(self) -> None:
        """Forget what was asked."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None


def open_icmp(peer: Peer) -> socket.socket:
    """Return a socket that pings a peer; NotPermitted where neither kind may be opened."""
    of = _family(peer)
    protocol = socket.IPPROTO_ICMP if of == socket.AF_INET else socket.IPPROTO_ICMPV6
    refused = ""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            opened = socket.socket(of, kind, protocol)
        except PermissionError:
            refused = "neither net.ipv4.ping_group_range nor CAP_NET_RAW permits ICMP echo"
        except OSError as error:
            refused = refused or f"ICMP: {error.strerror}"
        else:
            opened.settimeout(0)
            return opened
    raise NotPermitted(refused)


def checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071) of an even number of bytes."""
    total = int(sum(struct.unpack(f"!{len(data) // 2}H", data)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def attempt(peer: Peer) -> Attempt:
    """Return the way to probe a peer; NotPermitted where this process may not."""
    if peer.kind == TCP:
        return TcpAttempt(peer)
    try:
        open_icmp(peer).close()
    except OSError as error:
        raise Unreadable(f"ICMP: {error.strerror}") from None
    return IcmpAttempt(peer, open_icmp)
