"""LLDP heard on the wire: the frames that switches send every 30 s, taken from a packet socket.

Needs CAP_NET_RAW, and the host's network namespace. Only listens: nothing is ever sent.
"""

import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from exporters.errors import Unreadable
from exporters.topology.lldp import Neighbor, printable

ETHERTYPE = 0x88CC
_GROUP = bytes.fromhex("0180c200000e")
"""Nearest bridge: no switch passes it on (IEEE 802.1AB, 7.1)."""

_SOL_PACKET, _ADD_MEMBERSHIP, _MULTICAST = 263, 1, 0
_MEMBERSHIP = struct.Struct("=iHH8s")
_OUTGOING = 4
_LONGEST = 2048
_MOST = 4096
"""Frames that are taken at once; a switch sends one in 30 s."""

_END, _CHASSIS, _PORT, _TTL, _PORT_DESCRIPTION, _SYSTEM = range(6)
_MAC = {_CHASSIS: 4, _PORT: 3}
"""Subtypes whose identifier is a MAC address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What one frame says."""

    neighbor: Neighbor
    lifetime: int
    """Seconds that it holds; 0 where the neighbour takes its leave."""


def parse(netdev: str, payload: bytes) -> Frame | None:
    """Return what an LLDPDU says, None where it is none: the first three parts are prescribed."""
    parts = list(_parts(payload))
    if [kind for kind, _ in parts[:3]] != [_CHASSIS, _PORT, _TTL]:
        return None
    chassis, port, lifetime = (value for _, value in parts[:3])
    if min(len(chassis), len(port), len(lifetime)) < 2:  # noqa: PLR2004 - a subtype and something
        return None
    said = dict(reversed(parts))
    return Frame(
        neighbor=Neighbor(
            netdev=netdev,
            chassis=_identifier(_CHASSIS, chassis),
            port=_identifier(_PORT, port),
            system=_text(said.get(_SYSTEM, b"")),
            port_description=_text(said.get(_PORT_DESCRIPTION, b"")),
        ),
        lifetime=int.from_bytes(lifetime[:2], "big"),
    )


def _parts(payload: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield type and value: seven bits and nine bits of length before each."""
    at = 0
    while at + 2 <= len(payload):
        (head,) = struct.unpack_from("!H", payload, at)
        kind, length = head >> 9, head & 0x1FF
        at += 2
        if kind == _END or at + length > len(payload):
            return
        yield kind, payload[at : at + length]
        at += length


def _identifier(kind: int, value: bytes) -> str:
    subtype, rest = value[0], value[1:]
    text = _text(rest)
    if subtype == _MAC[kind] or not text or "\ufffd" in text:
        return rest.hex(":")
    return text


def _text(value: bytes) -> str:
    return printable(value.decode("utf-8", "replace").strip("\0 "))


class Listener:
    """Hears frames on the interfaces it was told of; remembers each as long as it holds."""

    def __init__(self, silence: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Open the socket; `silence` is how long a link may be quiet, in seconds."""
        self._silence = silence
        self._clock = clock
        self._heard: dict[str, tuple[Neighbor, float]] = {}
        self._quiet_since: dict[str, float] = {}
        self._joined: set[int] = set()
        protocol = socket.htons(ETHERTYPE)
        kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        try:
            self._socket = socket.socket(socket.AF_PACKET, kind, protocol)
        except OSError as error:
            raise Unreadable(f"--lldp.listen: {error.strerror} (CAP_NET_RAW is needed)") from None

    def listen(self, up: Iterable[str]) -> None:
        """Take what came since the last call; `up` are the interfaces that have a link now."""
        now = self._clock()
        linked = set(up)
        for netdev in linked:
            self._join(netdev)
            self._quiet_since.setdefault(netdev, now)
        for netdev in self._quiet_since.keys() - linked:
            del self._quiet_since[netdev]
        for netdev, payload in self._received():
            self.take(netdev, payload, now)
        self._heard = {netdev: held for netdev, held in self._heard.items() if held[1] > now}

    def _join(self, netdev: str) -> None:
        """Ask an interface for frames to the group; one that has just gone is left out."""
        try:
            index = socket.if_nametoindex(netdev)
            if index not in self._joined:
                request = _MEMBERSHIP.pack(index, _MULTICAST, len(_GROUP), _GROUP)
                self._socket.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, request)
                self._joined.add(index)
        except OSError:
            return

    def _received(self) -> Iterator[tuple[str, bytes]]:
        for _ in range(_MOST):
            try:
                payload, address = self._socket.recvfrom(_LONGEST)
            except BlockingIOError:
                return
            except OSError as error:  # ENETDOWN: an interface went down since
                if error.errno is None:
                    raise
                continue
            if address[2] != _OUTGOING:
                yield address[0], payload

    def take(self, netdev: str, payload: bytes, now: float) -> None:
        """Take one frame's payload; what is no LLDP, or not from a wire of ours, is passed over."""
        frame = parse(netdev, payload)
        if frame is None or netdev not in self._quiet_since:
            return
        self._quiet_since[netdev] = now
        if frame.lifetime:
            self._heard[netdev] = (frame.neighbor, now + frame.lifetime)
        else:
            self._heard.pop(netdev, None)

    @property
    def neighbors(self) -> dict[str, Neighbor]:
        """Who was heard, and has not been silent for longer than it said."""
        return {netdev: neighbor for netdev, (neighbor, _) in sorted(self._heard.items())}

    def silent(self) -> dict[str, bool]:
        """Return of each interface with a link whether no frame came on it for too long."""
        now = self._clock()
        return {
            netdev: now - since >= self._silence
            for netdev, since in sorted(self._quiet_since.items())
        }

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
