"""A simulated kernel behind rtnetlink: interfaces and traffic control, byte for byte.

The bytes are made here after the kernel's own code (net/core/rtnetlink.c, net/sched/) with nothing
but `struct`. Here are the things that not every kernel has: policers, matchall, flower, hfsc, cake,
rates of more than 32 bits. An object of `SimulatedRtnetlink` is used as the socket.
"""

import errno
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from testbed.nldev import HEADER, attribute, message, table, text, u32, u64

GET_LINK, GET_QDISC, GET_CLASS, GET_FILTER = 18, 38, 42, 46
_ERROR, _DONE = 2, 3
_DUMP, _MULTI = 0x300, 2
_PAGE = 3000
_TICK = 64e-9
_NARROW = 0xFFFFFFFF

ROOT = 0xFFFFFFFF
INGRESS = 0xFFFF0000
CLSACT, CLSACT_INGRESS, CLSACT_EGRESS = 0xFFFFFFF1, 0xFFFFFFF2, 0xFFFFFFF3


def link(index: int, name: str, *, state: int = 6, netns: int | None = None) -> bytes:
    """Return an interface; its counts are 1,000 times the number of each, plus its index."""
    counts = struct.pack("=25Q", *(1000 * place + index for place in range(1, 26)))
    parts = [text(3, name), attribute(16, bytes((state,))), attribute(23, counts)]
    if netns is not None:
        parts.append(attribute(37, struct.pack("=i", netns)))
    return struct.pack("=BxHiII", 0, 1, index, 0x1003, 0) + b"".join(parts)


def rate_specification(rate: int) -> bytes:
    """Return struct tc_ratespec, full where the rate is too large for it."""
    return struct.pack("=BBHhHI", 0, 1, 0, -1, 0, min(rate, _NARROW))


def _wide(number: int, rate: int) -> bytes:
    return u64(number, rate) if rate >= 1 << 32 else b""


def ticks(rate: int, burst: int) -> int:
    """Return the time that a burst takes at a rate, as the packet scheduler counts it."""
    return round(burst / rate / _TICK)


def statistics(  # noqa: PLR0913 - what the kernel counts
    passed: int,
    packets: int,
    *,
    drops: int = 0,
    overlimits: int = 0,
    backlog: int = 0,
    waiting: int = 0,
    requeues: int = 0,
) -> bytes:
    """Return what stands in TCA_STATS2, and in an action's statistics."""
    basic = attribute(1, struct.pack("=QI4x", passed, packets & _NARROW))
    queue = attribute(3, struct.pack("=IIIII", waiting, backlog, drops, requeues, overlimits))
    more = u64(8, packets) if packets > _NARROW else b""
    return basic + more + queue


def traffic_control(  # noqa: PLR0913 - what the kernel tells of each
    index: int,
    kind: str,
    *,
    handle: int,
    parent: int,
    options: bytes | None = None,
    counts: bytes = b"",
    info: int = 0,
) -> bytes:
    """Return a qdisc, class or filter."""
    parts = text(1, kind)
    parts += b"" if options is None else table(2, options)
    parts += table(7, counts) if counts else b""
    return struct.pack("=BxxxiIII", 0, index, handle, parent, info) + parts


def tbf(rate: int, burst: int, *, peak: int = 0) -> bytes:
    """Return the options of a tbf qdisc."""
    specifications = rate_specification(rate) + (rate_specification(peak) if peak else bytes(12))
    numbers = struct.pack("=III", 100_000, ticks(rate, burst), 0)
    return attribute(1, specifications + numbers) + _wide(4, rate) + _wide(5, peak)


def htb(rate: int, ceil: int, burst: int) -> bytes:
    """Return the options of an htb class."""
    numbers = struct.pack("=5I", ticks(rate, burst), ticks(ceil, burst), 1500, 0, 0)
    body = rate_specification(rate) + rate_specification(ceil) + numbers
    return attribute(1, body) + _wide(6, rate) + _wide(7, ceil)


def hfsc(*, real_time: int = 0, share: int = 0, limit: int = 0) -> bytes:
    """Return the options of an hfsc class; each curve begins steeper, for 10 ms."""
    return b"".join(
        attribute(number, struct.pack("=III", 2 * slope, 10_000, slope))
        for number, slope in ((1, real_time), (2, share), (3, limit))
        if slope
    )


def cake(rate: int) -> bytes:
    """Return the options of a cake qdisc."""
    return u64(2, rate) + u32(3, 1)


def police(index: int, rate: int, burst: int, *, peak: int = 0, packets: int = 0) -> bytes:
    """Return the options of a policer, in bytes and in packets a second."""
    begin = struct.pack("=IiIII", index, 2, 0, ticks(rate, burst) if rate else 0, 2047)
    both = rate_specification(rate) + rate_specification(peak)
    whole = attribute(1, begin + both + struct.pack("=iiI", 1, 1, 0))
    return whole + _wide(8, rate) + _wide(9, peak) + (u64(10, packets) if packets else b"")


def action(order: int, kind: str, options: bytes, counts: bytes) -> bytes:
    """Return an action of a filter."""
    return table(order, text(1, kind), table(2, options), table(4, counts), u32(3, 7))


@dataclass
class SimulatedRtnetlink:
    """What the kernel has, as bodies of messages; the socket to ask for it."""

    links: list[bytes] = field(default_factory=list)
    qdiscs: list[bytes] = field(default_factory=list)
    classes: dict[int, list[bytes]] = field(default_factory=dict)
    """By the interface's number."""
    filters: dict[tuple[int, int], list[bytes]] = field(default_factory=dict)
    """By the interface's number, and where they hang."""
    errors: dict[int, int] = field(default_factory=dict)
    """Error number by question."""
    spoil: Callable[[bytes], bytes] = bytes
    """What becomes of each part of an answer on its way."""
    asked: list[int] = field(default_factory=list)
    _answers: deque[bytes] = field(default_factory=deque)

    def send(self, data: bytes) -> int:
        """Take a question."""
        _, kind, flags, sequence, _ = HEADER.unpack_from(data)
        self.asked.append(kind)
        if kind in self.errors:
            body = struct.pack("=i", -self.errors[kind]) + data
            self._answers.append(message(_ERROR, sequence, body))
            return len(data)
        if not flags & _DUMP:
            self._answers.append(message(_ERROR, sequence, struct.pack("=i", -errno.EOPNOTSUPP)))
            return len(data)
        page = b""
        for body in self._found(kind, data[HEADER.size :]):
            page += message(kind - 2, sequence, body, _MULTI)
            if len(page) > _PAGE:
                self._answers.append(page)
                page = b""
        self._answers.append(page + message(_DONE, sequence, bytes(4), _MULTI))
        return len(data)

    def _found(self, kind: int, body: bytes) -> list[bytes]:
        if kind == GET_LINK:
            return self.links
        _, index, _, parent, _ = struct.unpack_from("=B3xiIII", body)
        if kind == GET_QDISC:
            return self.qdiscs
        if kind == GET_CLASS:
            return self.classes.get(index, [])
        return self.filters.get((index, parent), [])

    def recv(self, room: int) -> bytes:
        """Return the next part of the answer."""
        if not self._answers:
            raise TimeoutError("timed out")
        answer = self.spoil(self._answers.popleft())
        return answer[:room]

    def close(self) -> None:
        """Forget what was not fetched."""
        self._answers.clear()
