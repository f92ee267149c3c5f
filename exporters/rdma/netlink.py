"""NETLINK_RDMA, by pyroute2's message classes: the one file of the family that imports them.

pyroute2 does not know this protocol, so its messages are declared here. The import costs a worker
16 MiB and a tenth of a second of CPU: so it comes only after the kernel has been found to have the
protocol, and that worker ends after each look.
"""

import errno
import logging
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from pyroute2.netlink import nla, nlmsg
from pyroute2.netlink.exceptions import NetlinkDecodeError

from exporters.errors import Absent, Unreadable
from exporters.rdma.nldev import (
    NOTHING,
    NUMBERS,
    TABLES,
    TEXTS,
    Attribute,
    Attributes,
    Command,
    Question,
)

_CLIENT = 5
"""RDMA_NL_NLDEV, above the command in a message's type."""

_REQUEST, _ACK, _DUMP = 0x1, 0x4, 0x300
_ERROR, _DONE, _OVERRUN = 2, 3, 4
_HEADER = struct.Struct("=IHHII")
_CODE = struct.Struct("=i")
_ATTRIBUTE_HEADER = 4
_DEEPEST = 6
_MOST = 1 << 20
_RECEIVE_BYTES = 1 << 18

_UNKNOWN = frozenset({errno.EINVAL, errno.EOPNOTSUPP, errno.ENOENT, errno.ENODEV, errno.ENODATA})
"""What the kernel answers to a command it does not have, or of a device that has just gone."""

# It logs each attribute that it cannot decode, with a traceback; here that is an error instead.
logging.getLogger("pyroute2").setLevel(logging.CRITICAL + 1)

_UNDECODABLE = (struct.error, NetlinkDecodeError)

_KINDS = {
    **{attribute: f"uint{bits}" for attribute, bits in NUMBERS.items()},
    **dict.fromkeys(TEXTS, "cdata"),
    **dict.fromkeys(TABLES, "table"),
}
_MAP = tuple((int(attribute), attribute.name, kind) for attribute, kind in _KINDS.items())


class _Table(nla):  # type: ignore[misc]  # the library has no types
    """A table of attributes in an attribute."""

    nla_map = tuple(
        (number, name, "recursive" if kind == "table" else kind) for number, name, kind in _MAP
    )


class _Message(nlmsg):  # type: ignore[misc]  # the library has no types
    """A message of NETLINK_RDMA: attributes after the header, with nothing between."""

    nla_map = _MAP
    table = _Table


class Channel(Protocol):
    """A socket, as far as it is needed."""

    def send(self, data: bytes, /) -> int:
        """Send one message."""

    def recv(self, size: int, /) -> bytes:
        """Return what was received, at most so many bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """One message of what was received."""

    kind: int
    sequence: int
    whole: bytes

    @property
    def code(self) -> int:
        """The error number of an error, 0 where that is an acknowledgement or a dump's end."""
        body = self.whole[_HEADER.size :]
        if len(body) < _CODE.size:
            if self.kind == _ERROR:
                raise Unreadable("NETLINK_RDMA: an error without a number")
            return 0
        return -int(_CODE.unpack_from(body)[0])


class Netlink:
    """The kernel, asked over a socket."""

    def __init__(self, connect: Callable[[], Channel]) -> None:
        """Take what opens a socket of the protocol."""
        self._connect = connect
        self._channel = connect()
        self._sequence = 0

    def dump(self, command: Command, of: Question = NOTHING) -> Iterator[Attributes]:
        """Yield each message of a dump; Absent where the kernel does not know the question."""
        return self._exchange(command, _REQUEST | _ACK | _DUMP, of)

    def ask(self, command: Command, of: Question = NOTHING) -> Attributes:
        """Return the one answer to a question; Absent where the kernel does not know it."""
        answers = list(self._exchange(command, _REQUEST | _ACK, of))
        if len(answers) != 1:
            raise Unreadable(f"NETLINK_RDMA {command.name}: {len(answers)} answers to one question")
        return answers[0]

    def _exchange(self, command: Command, flags: int, of: Question) -> Iterator[Attributes]:
        self._sequence += 1
        complete = False
        try:
            self._channel.send(question(command, flags, self._sequence, of))
            yield from self._answers(command)
            complete = True
        except OSError as error:
            raise _meaning(command, error.errno or 0) from None
        finally:
            if not complete:
                # A dump that was not taken to its end keeps the socket busy for the next.
                self._channel = self._connect()

    def _answers(self, command: Command) -> Iterator[Attributes]:
        seen = 0
        while seen < _MOST:
            for frame in frames(self._channel.recv(_RECEIVE_BYTES)):
                seen += 1
                if frame.sequence != self._sequence:
                    continue
                if frame.kind == _OVERRUN:
                    raise Unreadable(f"NETLINK_RDMA {command.name}: the kernel lost answers")
                if frame.kind in (_ERROR, _DONE):
                    if frame.code:
                        raise _meaning(command, frame.code)
                    return
                if frame.kind >> 10 == _CLIENT:
                    yield decode(frame.whole)
        raise Unreadable(f"NETLINK_RDMA {command.name}: an answer without end")


def _meaning(command: Command, code: int) -> Absent | Unreadable:
    kind = Absent if code in _UNKNOWN else Unreadable
    return kind(f"NETLINK_RDMA {command.name}: {os.strerror(code)}")


def question(command: Command, flags: int, sequence: int, of: Question) -> bytes:
    """Return a question as it goes over the socket."""
    message = _Message()
    message["header"] = {
        "type": (_CLIENT << 10) + command,
        "flags": flags,
        "sequence_number": sequence,
    }
    message["attrs"] = [(attribute.name, value) for attribute, value in of.items()]
    message.encode()
    return bytes(message.data)


def frames(received: bytes) -> Iterator[_Frame]:
    """Yield the messages in what was received at once; Unreadable where they are none."""
    at = 0
    while at < len(received):
        left = len(received) - at
        if left < _HEADER.size:
            raise Unreadable("NETLINK_RDMA: an answer that is cut off")
        length, kind, _flags, sequence, _port = _HEADER.unpack_from(received, at)
        if not _HEADER.size <= length <= left:
            raise Unreadable(f"NETLINK_RDMA: a message of {length} bytes in {left}")
        yield _Frame(kind=kind, sequence=sequence, whole=received[at : at + length])
        at += (length + 3) & ~3
    if not received:
        raise Unreadable("NETLINK_RDMA: an empty answer")


def decode(whole: bytes) -> Attributes:
    """Return the attributes of one message; Unreadable where they make no sense."""
    try:
        message = _Message(whole)
        message.chain.clear()
        message.decode()
        return _plain(message, len(whole), 0)
    except _UNDECODABLE as error:
        raise Unreadable(f"NETLINK_RDMA: an answer that cannot be decoded: {error}") from None


def _plain(held: Any, end: int, depth: int) -> Attributes:
    """Return the library's attributes as ours; `end` is where what holds them ends."""
    if depth > _DEEPEST:
        raise Unreadable(f"NETLINK_RDMA: tables {depth} deep")
    numbers: dict[Attribute, int] = {}
    texts: dict[Attribute, str] = {}
    tables: dict[Attribute, tuple[Attributes, ...]] = {}
    for slot in held["attrs"]:
        name, cell = slot.cell
        # It holds itself in this list, and workers run without a garbage collector.
        cell.chain.clear()
        if name == "UNKNOWN":
            continue
        # Asked of the slot, it would yield the bare bytes where they cannot be decoded.
        cell.decode()
        attribute = Attribute[name]
        if cell.length < _ATTRIBUTE_HEADER or cell.offset + cell.length > end:
            raise Unreadable(f"NETLINK_RDMA: {name} goes beyond what holds it")
        if attribute in TABLES:
            inner = _plain(cell, cell.offset + cell.length, depth + 1)
            tables[attribute] = (*tables.get(attribute, ()), inner)
        elif attribute in TEXTS:
            texts[attribute] = bytes(cell.getvalue()).rstrip(b"\0").decode("utf-8", "replace")
        else:
            numbers[attribute] = _number(cell, attribute)
    return Attributes(numbers, texts, tables)


def _number(cell: Any, attribute: Attribute) -> int:
    if cell.length != _ATTRIBUTE_HEADER + NUMBERS[attribute] // 8:
        raise Unreadable(f"NETLINK_RDMA: {attribute.name} of {cell.length} bytes")
    return int(cell.getvalue())
