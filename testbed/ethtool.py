"""Network interfaces as their drivers answer ethtool, in the kernel's own bytes.

Stands below the program: it answers the ioctl and the netlink requests that the program makes.
"""

import ctypes
import errno
import struct
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

_SIOCGIFHWADDR = 0x8927
_GSTRINGS, _GSTATS, _GSSET_INFO = 0x1B, 0x1D, 0x37
_FAMILY = 0x1C
_CONTROL = 16
_MODULE, _HEAD = 0x50, 4


@dataclass
class SimulatedInterface:
    """One interface: what its driver counts, and the memory of the module in its cage."""

    statistics: dict[str, int] = field(default_factory=dict)
    fec: tuple[int, int, int] | None = None
    """Blocks put right, blocks not, bits put right."""
    down_reason: int | None = None
    """ETHTOOL_LINK_EXT_STATE_…; None while the link is up."""
    lower: bytes | None = None
    """The lower half of the module's memory, None where the cage is empty."""
    pages: dict[tuple[int, int], bytes] = field(default_factory=dict)
    """Upper halves, by address on the module's bus and page."""
    address: str = ""
    """The hardware address."""
    error: int = 0
    """The error that every call ends in, where there is one."""


class SimulatedEthtool:
    """The interfaces by name; `ioctl` and the socket's part answer for them."""

    def __init__(self, **interfaces: SimulatedInterface) -> None:
        """Begin with these."""
        self.interfaces = interfaces
        self.calls = 0
        self._answers: deque[bytes] = deque()

    def ioctl(self, _descriptor: int, request: int, ifreq: bytes) -> bytes:
        """Answer SIOCETHTOOL as the kernel does: into the memory that the request points to."""
        self.calls += 1
        name, address = struct.unpack("16sQ16x", ifreq)
        interface = self._find(name.rstrip(b"\0").decode())
        if request == _SIOCGIFHWADDR:
            mac = bytes.fromhex(interface.address.replace(":", ""))[:6]
            return ifreq[:16] + struct.pack("=H", 1) + mac.ljust(22, b"\0")
        said = interface.statistics
        (command,) = struct.unpack("=I", ctypes.string_at(address, 4))
        answers = {
            _GSSET_INFO: lambda: struct.pack("=IIQI", command, 0, 2 if said else 0, len(said)),
            _GSTRINGS: lambda: struct.pack("=III", command, 1, len(said)) + _names(said),
            _GSTATS: lambda: struct.pack(f"=II{len(said)}Q", command, len(said), *said.values()),
        }
        answer = answers[command]()
        ctypes.memmove(address, answer, len(answer))
        return ifreq

    def _find(self, name: str) -> SimulatedInterface:
        interface = self.interfaces.get(name)
        if interface is None or interface.error:
            raise OSError(interface.error if interface else errno.ENODEV, "simulated")
        return interface

    def send(self, data: bytes, /) -> int:
        """Take a netlink request; its answer is there at once."""
        self.calls += 1
        _, family, _, sequence, _ = struct.unpack_from("=IHHII", data)
        command = data[16]
        parts = dict(_attributes(data[20:]))
        try:
            body = self._answer(family, command, parts)
        except OSError as error:
            self._put(2, sequence, struct.pack("=i", -(error.errno or 0)) + data[:16])
        else:
            self._put(family, sequence, data[16:20] + body)
        return len(data)

    def recv(self, _room: int, /) -> bytes:
        """Return the next answer."""
        return self._answers.popleft()

    def close(self) -> None:
        """Close the socket, of which there is none."""

    def _put(self, kind: int, sequence: int, body: bytes) -> None:
        head = struct.pack("=IHHII", 16 + len(body), kind, 0, sequence, 0)
        self._answers.append(head + body)

    def _answer(self, family: int, command: int, parts: dict[int, bytes]) -> bytes:
        if family == _CONTROL:
            return attribute(1, struct.pack("=H", _FAMILY))
        header = dict(_attributes(parts[1]))
        interface = self._find(header[2].rstrip(b"\0").decode())
        match command:
            case 29:  # FEC_GET
                return _fec(interface)
            case 31:  # MODULE_EEPROM_GET
                return attribute(7, _memory(interface, parts))
            case _:
                up = interface.down_reason is None
                state = b"" if up else attribute(5, bytes((interface.down_reason or 0,)))
                return attribute(2, bytes((up,))) + state


def _names(said: dict[str, int]) -> bytes:
    return b"".join(name.encode().ljust(32, b"\0") for name in said)


def _fec(interface: SimulatedInterface) -> bytes:
    if interface.fec is None:
        return attribute(4, struct.pack("=I", 0))
    counts = enumerate(interface.fec, start=2)
    nested = (attribute(kind, struct.pack("=QQ", value, value)) for kind, value in counts)
    return attribute(5 | 1 << 15, b"".join(nested))


def _memory(interface: SimulatedInterface, parts: dict[int, bytes]) -> bytes:
    if interface.lower is None:
        raise OSError(errno.EOPNOTSUPP, "simulated")
    (offset,), (length,) = struct.unpack("=I", parts[2]), struct.unpack("=I", parts[3])
    page, i2c = parts[4][0], parts[6][0]
    if (i2c, page) not in interface.pages:
        raise OSError(errno.EIO, "simulated")
    lower = interface.lower if i2c == _MODULE else interface.pages[i2c, 0]
    memory = (lower + interface.pages[i2c, page])[offset : offset + length]
    if len(memory) != length:
        raise OSError(errno.EINVAL, "simulated")
    return memory


def attribute(kind: int, content: bytes) -> bytes:
    """Return a netlink attribute."""
    length = 4 + len(content)
    return struct.pack("=HH", length, kind) + content + bytes(-length % 4)


def _attributes(body: bytes) -> Iterator[tuple[int, bytes]]:
    while len(body) >= _HEAD:
        length, kind = struct.unpack_from("=HH", body)
        yield kind & 0x3FFF, body[4:length]
        body = body[(length + 3) & ~3 :]
