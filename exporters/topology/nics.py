"""The node's NICs: which RDMA ports and network interfaces each has, and how fast they are."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from exporters.errors import Absent, ReadingError
from exporters.files import entries, read
from exporters.rdma import netdev
from exporters.rdma.sysfs import Port, device_folder, devices, ports, rate

_ADDRESS = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
_BYTES_PER_MBIT = 1e6 / 8
_UPPER = "upper_"
_ETHERNET = "Ethernet"
_IB = "InfiniBand"

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class NicPort:
    """One port of a NIC: an RDMA port with its network interface, or such an interface alone."""

    device: str = ""
    """Its RDMA device; "" where it has none."""
    port: str = ""
    netdev: str = ""
    guid: str = ""
    """Of an InfiniBand port, as the fabric's own topology names it; "" where it is not known."""
    link_layer: str = ""
    active: bool = False
    bytes_per_second: float = 0.0
    """0 where it is not known, or there is no link."""
    wires: tuple[str, ...] = ()
    """The network interfaces that LLDP may name it by: its own, and below a bond the NIC's."""

    @property
    def has_lldp(self) -> bool:
        """Whether its kind of network speaks LLDP."""
        return self.link_layer == _ETHERNET


@dataclass(frozen=True, slots=True, kw_only=True)
class Nic:
    """One physical NIC function, or an RDMA device whose place on the bus is not known."""

    address: str
    """PCI address, "" where it is not known."""
    ports: tuple[NicPort, ...]
    virtual_functions: int = 0
    uppers: frozenset[str] = frozenset()
    """Its network interfaces and those built on them: bonds, bridges, VLANs."""

    @property
    def name(self) -> str:
        """How people call it: its RDMA device, else its network interface, else its address."""
        names = [*(port.device for port in self.ports), *(port.netdev for port in self.ports)]
        return next(filter(None, names), self.address)

    @property
    def rdma(self) -> bool:
        """Whether it speaks RDMA."""
        return any(port.device for port in self.ports)

    @property
    def bytes_per_second(self) -> float:
        """The rate of its fastest port."""
        return max((port.bytes_per_second for port in self.ports), default=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Nics:
    """What was found, and what could not be read."""

    nics: tuple[Nic, ...]
    problems: tuple[str, ...] = ()


def read_nics(sysfs: Path) -> Nics:
    """Return the NICs in PCI order, those whose place is not known last; no virtual functions."""
    reader = _Reader(sysfs)
    for device in reader.all(lambda: devices(sysfs)):
        reader.take_device(device)
    for name in reader.all(lambda: entries(sysfs / "class/net")):
        reader.take_netdev(name)
    nics = [reader.nic(address, tuple(of)) for (address, _), of in reader.ports.items()]
    nics.sort(key=lambda nic: (not nic.address, nic.address, natural(nic.name)))
    return Nics(nics=tuple(nics), problems=tuple(reader.problems))


def natural(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts mlx5_2 before mlx5_10."""
    parts = re.split(r"(\d{1,9})", name)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]


class _Reader:
    """Reads NICs; what fails of one costs only that."""

    def __init__(self, sysfs: Path) -> None:
        self._sysfs = sysfs
        self.ports: dict[tuple[str, str], list[NicPort]] = {}
        """By PCI address, or by the device's name where that is not known."""
        self.problems: list[str] = []

    def all(self, listing: Callable[[], list[T]]) -> list[T]:
        """Return what a listing yields, nothing where it cannot be listed."""
        return self._told(listing, [])

    def _told(self, reading: Callable[[], T], otherwise: T) -> T:
        try:
            return reading()
        except Absent:
            return otherwise
        except ReadingError as error:
            self.problems.append(str(error))
            return otherwise

    def take_device(self, name: str) -> None:
        folder = device_folder(self._sysfs, name)
        if os.path.lexists(folder / "device/physfn"):
            return
        address = _address(folder / "device")
        for port in self.all(lambda: ports(folder)):
            key = (address, "" if address else name)
            self.ports.setdefault(key, []).append(self._rdma_port(port))

    def _rdma_port(self, port: Port) -> NicPort:
        state = self._told(lambda: read(port.path("state")), "")
        active = state.endswith("ACTIVE")
        speed = self._told(lambda: rate(read(port.path("rate")), str(port.path("rate"))), None)
        link_layer = self._told(lambda: read(port.path("link_layer")), "")
        gid = self._told(lambda: read(port.path("gids/0")), "") if link_layer == _IB else ""
        return NicPort(
            device=port.device,
            port=port.number,
            guid=_port_guid(gid),
            netdev=netdev.name(port),
            link_layer=link_layer,
            active=active,
            # Of a port without a link the drivers tell a rate that is none.
            bytes_per_second=speed.bytes_per_second if speed and active else 0.0,
        )

    def take_netdev(self, name: str) -> None:
        """Take a network interface of a PCI function that no RDMA port has."""
        folder = self._sysfs / "class/net" / name
        address = _address(folder / "device")
        if not address or os.path.lexists(folder / "device/physfn"):
            return
        known = self.ports.setdefault((address, ""), [])
        speed = self._told(lambda: read(folder / "speed"), "")
        if any(port.device for port in known):
            return
        mbits = int(speed) if speed.isascii() and speed.isdigit() else 0
        known.append(
            NicPort(
                netdev=name,
                link_layer=_ETHERNET,
                active=self._told(lambda: read(folder / "operstate"), "") == "up",
                bytes_per_second=mbits * _BYTES_PER_MBIT,
            )
        )

    def nic(self, address: str, of: tuple[NicPort, ...]) -> Nic:
        """Return a NIC with what is built on it."""
        folder = self._sysfs / "bus/pci/devices" / address
        own = [port.netdev for port in of if port.netdev]
        listed = self.all(lambda: entries(folder / "net")) if address else []
        below = listed if len(of) == 1 else []
        wires = [tuple(dict.fromkeys(filter(None, (p.netdev, *below)))) for p in of]
        return Nic(
            address=address,
            ports=tuple(replace(p, wires=w) for p, w in zip(of, wires, strict=True)),
            virtual_functions=self._virtual_functions(folder) if address else 0,
            uppers=self._uppers([*own, *listed]),
        )

    def _virtual_functions(self, folder: Path) -> int:
        told = self._told(lambda: read(folder / "sriov_numvfs"), "")
        return int(told) if told.isascii() and told.isdigit() else 0

    def _uppers(self, names: list[str]) -> frozenset[str]:
        """Return these interfaces and all above them; sysfs has a link `upper_X` for each."""
        seen: set[str] = set()
        while names:
            name = names.pop()
            if name not in seen:
                seen.add(name)
                names += self._directly_above(name)
        return frozenset(seen)

    def _directly_above(self, name: str) -> list[str]:
        found = self.all(lambda: entries(self._sysfs / "class/net" / name))
        return [one.removeprefix(_UPPER) for one in found if one.startswith(_UPPER)]


def _port_guid(gid: str) -> str:
    """Return the port GUID in a GID: its last 64 bits; "" where there is none."""
    guid = ":".join(gid.split(":")[4:])
    return guid if guid.strip("0:") else ""


def _address(link: Path) -> str:
    """Return the PCI function that a link leads to, through whatever stands between (virtio)."""
    try:
        parts = link.resolve(strict=False).parts if link.is_symlink() else ()
    except (OSError, RuntimeError):  # a loop
        return ""
    if parts and _ADDRESS.fullmatch(parts[-1]):
        return parts[-1]
    own = parts[-2:-1] if parts[-1:] and parts[-1].startswith("virtio") else ()
    return own[0] if own and _ADDRESS.fullmatch(own[0]) else ""
