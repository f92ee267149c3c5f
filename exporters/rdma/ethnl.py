"""What a network interface's driver says through ethtool's netlink: FEC, modules, the link.

These have no other way: mlx5 tells its FEC blocks only here, and a CMIS module's pages can only be
read here. Numbers are those of include/uapi/linux/ethtool_netlink.h. Spelled out for the reason
given in `exporters.rdma.ethtool`; what is said there of the lock holds here too.
"""

import errno
import os
import socket
import struct
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from catalog.rdma_link import LINK_DOWN_REASONS
from exporters.errors import Absent, NotPermitted, Unreadable
from exporters.rdma.attributes import (
    NESTED,
    NLMSG_ERROR,
    Message,
    attribute,
    attributes,
    message,
    messages,
    number,
)

_GENERIC = 16
_CONTROL, _GET_FAMILY, _FAMILY_ID, _FAMILY_NAME = 16, 3, 1, 2
_GENL = struct.Struct("=BBH")

_LINKSTATE_GET, _FEC_GET, _EEPROM_GET = 6, 29, 31
_HEADER, _DEV_NAME, _FLAGS = 1, 2, 3
_WANT_STATISTICS = 1 << 2
_FEC_STATS = 5
_CORRECTED, _UNCORRECTABLE, _CORRECTED_BITS = 2, 3, 4
_OFFSET, _LENGTH, _PAGE, _BANK, _I2C, _DATA = 2, 3, 4, 5, 6, 7
_LINK, _EXT_STATE = 2, 5
_LOW_ADDRESS = 0x50

_ROOM = 1 << 16
_WITHIN = 2.0
_ABSENT = frozenset({errno.EOPNOTSUPP, errno.EINVAL, errno.ENODEV, errno.ENOENT, errno.ENXIO})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fec:
    """Blocks and bits that FEC met; None for what the driver does not count."""

    corrected_blocks: int | None = None
    uncorrectable_blocks: int | None = None
    corrected_bits: int | None = None


class Channel(Protocol):
    """The part of a netlink socket that is used."""

    def send(self, data: bytes, /) -> int:
        """Send a request."""

    def recv(self, room: int, /) -> bytes:
        """Return the next answer."""

    def close(self) -> None:
        """Close it."""


def _open() -> Channel:
    opened = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _GENERIC)
    opened.settimeout(_WITHIN)
    return opened


class EthtoolNetlink:
    """A socket to ask with."""

    def __init__(self, channel: Channel | None = None) -> None:
        """Open a socket in the network namespace of this process, or take one."""
        self._socket = channel or _open()
        self._sequence = 0
        self._family = 0

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def fec(self, netdev: str) -> Fec:
        """Return what FEC did; Absent where the driver counts nothing."""
        said = self._ask(_FEC_GET, netdev, flags=_WANT_STATISTICS)
        counted = dict(attributes(said.get(_FEC_STATS, b"")))
        if not counted:
            raise Absent(f"{netdev}: no FEC statistics")
        return Fec(
            corrected_blocks=_first(counted.get(_CORRECTED)),
            uncorrectable_blocks=_first(counted.get(_UNCORRECTABLE)),
            corrected_bits=_first(counted.get(_CORRECTED_BITS)),
        )

    def down_reason(self, netdev: str) -> str | None:
        """Return why the link is down; None where it is up or its driver does not know."""
        said = self._ask(_LINKSTATE_GET, netdev)
        is_up = number(said.get(_LINK, b"\0"), 8)
        if is_up or _EXT_STATE not in said:
            return None
        state = number(said[_EXT_STATE], 8)
        return LINK_DOWN_REASONS[state] if state < len(LINK_DOWN_REASONS) else None

    def eeprom(
        self, netdev: str, offset: int, length: int, *, page: int = 0, i2c: int = _LOW_ADDRESS
    ) -> bytes:
        """Return bytes of a module's EEPROM, of one page; Absent where there is no module."""
        place = (
            attribute(_OFFSET, struct.pack("=I", offset)),
            attribute(_LENGTH, struct.pack("=I", length)),
            attribute(_PAGE, bytes((page,))),
            attribute(_BANK, bytes(1)),
            attribute(_I2C, bytes((i2c,))),
        )
        data = self._ask(_EEPROM_GET, netdev, *place).get(_DATA, b"")
        if len(data) != length:
            raise Unreadable(f"{netdev}: {len(data)} bytes of its module, not {length}")
        return data

    def _ask(self, command: int, netdev: str, *parts: bytes, flags: int = 0) -> Mapping[int, bytes]:
        family = self._family or self._find_family()
        name = attribute(_DEV_NAME, netdev.encode() + b"\0")
        header = attribute(_HEADER | NESTED, name + attribute(_FLAGS, struct.pack("=I", flags)))
        return self._talk(family, command, header + b"".join(parts), f"{netdev}: ethtool")

    def _find_family(self) -> int:
        name = attribute(_FAMILY_NAME, b"ethtool\0")
        said = self._talk(_CONTROL, _GET_FAMILY, name, "netlink: ethtool")
        self._family = number(said.get(_FAMILY_ID, b""), 16)
        return self._family

    def _talk(self, family: int, command: int, body: bytes, what: str) -> Mapping[int, bytes]:
        self._sequence += 1
        try:
            self._socket.send(message(family, self._sequence, _GENL.pack(command, 1, 0) + body))
            while True:
                for answer in messages(self._socket.recv(_ROOM)):
                    if answer.sequence == self._sequence:
                        return read(answer, what)
        except OSError as error:
            raise Unreadable(f"{what}: {error.strerror or error}") from None


def read(answer: Message, what: str) -> Mapping[int, bytes]:
    """Return an answer's attributes; Absent or Unreadable where it is an error."""
    if answer.kind == NLMSG_ERROR:
        code = -int.from_bytes(answer.body[:4], sys.byteorder, signed=True)
        if code == errno.EPERM:
            raise NotPermitted(f"{what}: not permitted without CAP_NET_ADMIN")
        kind = Absent if code in _ABSENT else Unreadable
        raise kind(f"{what}: {os.strerror(code)}")
    return dict(attributes(answer.body[_GENL.size :]))


def _first(counts: bytes | None) -> int | None:
    """Return the sum for all lanes, with which the kernel begins."""
    return None if counts is None else number(counts[:8], 64)
