"""What a network interface's driver says through ethtool's ioctl: statistics, by its own names.

Three calls and two structures, whose layout never changes (include/uapi/linux/ethtool.h). They are
spelled out here because the library that knows them, pyroute2, costs a worker 13 MiB once it is
imported, which is three times what the worker needs otherwise.

Every call takes the lock that all network interfaces share (rtnl): it waits while any driver of the
node hangs in it.
"""

import array
import ctypes
import errno
import fcntl
import socket
import struct
from collections.abc import Callable, Mapping
from typing import Any

from exporters.errors import Absent, Unreadable

_SIOCETHTOOL, _SIOCGIFHWADDR = 0x8946, 0x8927
_HWADDR = 18
"""Where the address is in the answer to the latter."""
_GSTRINGS, _GSTATS, _GSSET_INFO = 0x1B, 0x1D, 0x37
_SS_STATS = 1

_IFREQ = struct.Struct("16sQ16x")
_SSET_INFO = struct.Struct("=IIQI")
_STRINGS = struct.Struct("=III")
_STATS = struct.Struct("=II")
_NAME = 32

MOST = 65536
"""Statistics of one interface that are believed."""

_SPARE = 4096
"""Room for statistics that a driver adds between being asked for their number and for them.

The kernel writes as many as there are by then, whatever room it was told.
"""

_ABSENT = frozenset({errno.EOPNOTSUPP, errno.EINVAL, errno.ENODEV, errno.ENXIO})


class Ethtool:
    """A socket to ask with, and the names that each interface had last."""

    def __init__(self, ioctl: Callable[[int, int, bytes], Any] = fcntl.ioctl) -> None:
        """Open the socket, in the network namespace of this process."""
        self._ioctl = ioctl
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._names: dict[str, tuple[bytes, dict[str, int]]] = {}

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def address(self, netdev: str) -> str:
        """Return the first six bytes of an interface's hardware address, as sysfs writes them."""
        answer = self._call(netdev, _SIOCGIFHWADDR, _IFREQ.pack(netdev.encode(), 0))
        return bytes(answer[_HWADDR : _HWADDR + 6]).hex(":")

    def statistics(self, netdev: str) -> Mapping[str, int]:
        """Return an interface's statistics by their names.

        Absent where it has none or is not here; Unreadable where its driver gives an error or what
        it gives makes no sense.
        """
        count = self._count(netdev)
        if not count:
            raise Absent(f"{netdev}: no statistics")
        places = self._places(netdev, count)
        values = self._values(netdev, count)
        return {name: values[place] for name, place in places.items()}

    def _count(self, netdev: str) -> int:
        room = ctypes.create_string_buffer(_SSET_INFO.pack(_GSSET_INFO, 0, 1 << _SS_STATS, 0), 20)
        self._ask(netdev, room)
        _, _, known, count = _SSET_INFO.unpack(room.raw)
        if not known:
            return 0
        if count > MOST:
            raise Unreadable(f"{netdev}: {count} ethtool statistics are more than {MOST}")
        return int(count)

    def _places(self, netdev: str, count: int) -> dict[str, int]:
        """Return where each statistic stands; read each time, as names come and go with PFC."""
        said = self._filled(netdev, _STRINGS.pack(_GSTRINGS, _SS_STATS, count), _NAME, count)
        last, places = self._names.get(netdev, (b"", {}))
        if said != last:
            places = names(said)
            self._names[netdev] = said, places
        return places

    def _values(self, netdev: str, count: int) -> "array.array[int]":
        values = array.array("Q")
        values.frombytes(self._filled(netdev, _STATS.pack(_GSTATS, count), 8, count))
        return values

    def _filled(self, netdev: str, head: bytes, size: int, count: int) -> bytes:
        """Return what the kernel wrote after a structure's head."""
        room = ctypes.create_string_buffer(head, len(head) + size * (count + _SPARE))
        self._ask(netdev, room)
        (told,) = struct.unpack_from("=I", room, len(head) - 4)
        if told != count:
            raise Unreadable(f"{netdev}: {told} ethtool statistics, not {count} as it said before")
        return ctypes.string_at(ctypes.addressof(room) + len(head), size * count)

    def _ask(self, netdev: str, room: ctypes.Array[ctypes.c_char]) -> None:
        request = _IFREQ.pack(netdev.encode(), ctypes.addressof(room))
        self._call(netdev, _SIOCETHTOOL, request)

    def _call(self, netdev: str, number: int, request: bytes) -> Any:
        try:
            return self._ioctl(self._socket.fileno(), number, request)
        except OSError as error:
            kind = Absent if error.errno in _ABSENT else Unreadable
            raise kind(f"{netdev}: ethtool: {error.strerror}") from None


def names(strings: bytes) -> dict[str, int]:
    """Return the places of the names in ethtool's strings, 32 bytes each; of two alike, the first.

    Blanks around a name do not count; what is no text is no name.
    """
    places: dict[str, int] = {}
    for place in range(len(strings) // _NAME):
        name = strings[place * _NAME : (place + 1) * _NAME].split(b"\0", 1)[0].strip()
        if name and name.isascii():
            places.setdefault(name.decode(), place)
    return places
