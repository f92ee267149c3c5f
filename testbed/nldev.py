"""A simulated kernel behind NETLINK_RDMA: takes questions and gives answers, byte for byte.

The bytes are made here after the kernel's own code (drivers/infiniband/core/nldev.c) with nothing
but `struct`, so that whoever reads them is checked against a second writer. An object of
`SimulatedNldev` is used as the socket.
"""

import errno
import struct
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

HEADER = struct.Struct("=IHHII")
_CLIENT = 5
_ERROR, _DONE = 2, 3
_MULTI, _DUMP, _NESTED = 2, 0x300, 0x8000
_GET, _PORT_GET, _SYS_GET, _RES_GET, _RES_QP_GET, _STAT_GET, _STATUS = 1, 5, 6, 9, 10, 17, 24
_PAD = 0

_PAGE = 3000
"""Bytes after which a dump goes on in a further message; the kernel's is a little larger."""


def attribute(number: int, payload: bytes) -> bytes:
    """Return one attribute, padded to four bytes."""
    length = 4 + len(payload)
    return struct.pack("=HH", length, number) + payload + b"\0" * (-length % 4)


def u8(number: int, value: int) -> bytes:
    """Return an 8-bit attribute."""
    return attribute(number, struct.pack("=B", value))


def u32(number: int, value: int) -> bytes:
    """Return a 32-bit attribute."""
    return attribute(number, struct.pack("=I", value))


def u64(number: int, value: int) -> bytes:
    """Return a 64-bit attribute, after the padding that the kernel may put before it."""
    return attribute(_PAD, b"") + attribute(number, struct.pack("=Q", value))


def text(number: int, value: str) -> bytes:
    """Return a string with its zero."""
    return attribute(number, value.encode() + b"\0")


def table(number: int, *parts: bytes) -> bytes:
    """Return a table of attributes."""
    return attribute(number | _NESTED, b"".join(parts))


def message(kind: int, sequence: int, body: bytes, flags: int = 0) -> bytes:
    """Return one message with its header."""
    whole = HEADER.pack(HEADER.size + len(body), kind, flags, sequence, 0) + body
    return whole + b"\0" * (-len(whole) % 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePair:
    """One queue pair; a `pid` of 0 is the kernel's own."""

    number: int
    state: int = 3
    pid: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundCounter:
    """A counter that queue pairs are bound to; mode 1 is auto, 2 manual."""

    number: int
    port: int = 1
    mode: int = 1
    queue_pairs: Sequence[int] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What the kernel tells of one device."""

    index: int
    name: str
    ports: int = 1
    protocol: str = "ib"
    netdevs: Mapping[int, str] = field(default_factory=dict)
    summary: Mapping[str, int] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)
    queue_pairs: Sequence[QueuePair] = ()
    counters: Mapping[str, int] = field(default_factory=dict)
    optional: Mapping[str, bool] = field(default_factory=dict)
    """Optional counters, and whether each is on."""
    bound: Sequence[BoundCounter] = ()

    @property
    def handle(self) -> bytes:
        """Index and name, as every answer begins."""
        return u32(1, self.index) + text(2, self.name)


class SimulatedNldev:
    """The kernel's side, with what its devices hold."""

    def __init__(self, *devices: Device, shared: bool = True, knows: int = _STATUS) -> None:
        """Take the devices; `knows` is the highest command that this kernel has."""
        self.devices = {device.index: device for device in devices}
        self.shared = shared
        self.knows = knows
        self.asked: list[int] = []
        self.spoil: Callable[[bytes], bytes] = bytes
        """What is done to each answer before it is read."""
        self._answers: deque[bytes] = deque()
        self._dumping = False

    def connect(self) -> Self:
        """Return a new socket: what was not taken from the one before is gone."""
        self._answers.clear()
        self._dumping = False
        return self

    def send(self, data: bytes) -> int:
        """Take a question and have the answers ready."""
        length, kind, flags, sequence, _ = HEADER.unpack_from(data)
        if length != len(data) or kind >> 10 != _CLIENT:
            raise OSError(errno.EINVAL, "no question of NETLINK_RDMA")
        command, dump = kind & 0x3FF, flags & _DUMP == _DUMP
        if dump and self._dumping:
            raise OSError(errno.EBUSY, "the dump before was not taken to its end")
        self.asked.append(command)
        of = dict(_attributes(data[HEADER.size :]))
        bodies = self._bodies(command, of) if command <= self.knows else None
        dump = dump and bodies is not None
        end = struct.pack("=i", 0 if bodies is not None else -errno.EINVAL)
        answers = [message(kind, sequence, one, _MULTI if dump else 0) for one in bodies or ()]
        answers.append(message(_DONE if dump else _ERROR, sequence, end + data[: HEADER.size]))
        # A dump goes on while it is being read, so other answers come before the rest of it.
        self._answers = deque([*self._answers, *answers] if dump else [*answers, *self._answers])
        self._dumping = self._dumping or dump
        return len(data)

    def recv(self, size: int) -> bytes:
        """Return the next answer."""
        if not self._answers:
            raise OSError(errno.EAGAIN, "nothing was asked: this would wait for ever")
        answer = self._answers.popleft()
        if HEADER.unpack_from(answer)[1] == _DONE:
            self._dumping = False
        return self.spoil(answer)[:size]

    def _bodies(self, command: int, of: Mapping[int, int]) -> list[bytes] | None:
        if command == _GET:
            return [_device(device) for device in self.devices.values()]
        if command == _SYS_GET:
            return [u8(66, self.shared)]
        device = self.devices.get(of.get(1, -1))
        if device is None:
            return None
        if command in (_STATUS, _STAT_GET) and 75 not in of:  # noqa: PLR2004 - STAT_RES
            return [_statistics(device, of[3], status=command == _STATUS)]
        return [device.handle + body for body in _OF_DEVICE[command](device)]


def _attributes(body: bytes) -> Iterator[tuple[int, int]]:
    """Yield the numbers of a question; it holds no others."""
    at = 0
    while at + 8 <= len(body):
        length, number, value = struct.unpack_from("=HHI", body, at)
        yield number, value
        at += (length + 3) & ~3


def _device(of: Device) -> bytes:
    return of.handle + u32(3, of.ports) + text(5, "28.41.1000") + text(67, of.protocol)


def _ports(of: Device) -> Iterator[bytes]:
    for port in range(1, of.ports + 1):
        netdev = of.netdevs.get(port)
        yield u32(3, port) + u8(12, 4) + (u32(50, 7) + text(51, netdev) if netdev else b"")


def _summary(of: Device) -> Iterator[bytes]:
    entries = [
        table(
            16,
            text(17, kind),
            u64(18, count),
            *([u64(118, of.limits[kind])] if kind in of.limits else []),
        )
        for kind, count in of.summary.items()
    ]
    yield table(15, *entries)


def _queue_pairs(of: Device) -> Iterator[bytes]:
    yield from _pages(19, [_queue_pair(one) for one in of.queue_pairs])


def _queue_pair(of: QueuePair) -> bytes:
    user = u32(28, of.pid) if of.pid else text(29, "ib_core")
    return table(20, u32(3, 1), u32(21, of.number), u32(24, 0), u8(26, 2), u8(27, of.state), user)


def _statistics(of: Device, port: int, *, status: bool) -> bytes:
    entries = []
    for number, name in enumerate(dict.fromkeys((*of.counters, *of.optional))):
        if not (status or of.optional.get(name, True)):
            continue
        parts = [text(82, name)]
        if not status:
            parts.append(u64(83, of.counters.get(name, 0)))
        else:
            parts.append(u32(94, number))
            if name in of.optional:
                parts.append(u8(95, of.optional[name]))
        entries.append(table(81, *parts))
    return of.handle + u32(3, port) + table(80, *entries)


def _bound(of: Device) -> Iterator[bytes]:
    yield from _pages(
        77,
        [
            table(
                78,
                u32(3, one.port),
                u32(79, one.number),
                u32(74, one.mode),
                table(19, *(table(20, u32(21, number)) for number in one.queue_pairs)),
                table(80, table(81, text(82, "out_of_buffer"), u64(83, 1))),
            )
            for one in of.bound
        ],
    )


def _pages(number: int, entries: Sequence[bytes]) -> Iterator[bytes]:
    """Yield a table in as many messages as it takes; none where it is empty, as the kernel does."""
    page: list[bytes] = []
    for entry in entries:
        if page and sum(map(len, page)) + len(entry) > _PAGE:
            yield table(number, *page)
            page = []
        page.append(entry)
    if page:
        yield table(number, *page)


_OF_DEVICE: Mapping[int, Callable[[Device], Iterator[bytes]]] = {
    _PORT_GET: _ports,
    _RES_GET: _summary,
    _RES_QP_GET: _queue_pairs,
    _STAT_GET: _bound,
}
