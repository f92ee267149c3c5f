"""A PCI bus with GPUs, NICs and the bridges above them, as sysfs and /proc show it.

Plain trees in a directory of the caller's, apart from `SimulatedSysfs`, whose ports change while
they are read: places do not.
"""

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_CONFIG_BYTES = 4096
_EXTENDED = 0x100
_ACS, _LATER = 0x0D, 0x200
_P2P_REDIRECT = 0x0C

IB, ETHERNET = "InfiniBand", "Ethernet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """What a function's link can do, and over how many lanes it runs."""

    gts: str = "32.0 GT/s PCIe"
    lanes: int = 16
    lanes_possible: int = 16


GEN5, GEN4 = Speed(), Speed(gts="16.0 GT/s PCIe")
GEN3_X4 = Speed(gts="8.0 GT/s PCIe", lanes=4, lanes_possible=4)


class PciBus:
    """A tree that is being built; each method adds one thing and may be called in any order."""

    def __init__(self, root: Path, *, numa_nodes: int = 2) -> None:
        """Build an empty bus below a directory."""
        self.sysfs, self.procfs = root / "sys", root / "proc"
        for name in ("bus/pci/devices", "class/infiniband", "class/net"):
            (self.sysfs / name).mkdir(parents=True)
        for number in range(numa_nodes):
            (self.sysfs / f"devices/system/node/node{number}").mkdir(parents=True)
        self.routes(default="")

    @classmethod
    def at(cls, root: Path) -> Self:
        """Return a bus that was built there."""
        bus = cls.__new__(cls)
        bus.sysfs, bus.procfs = root / "sys", root / "proc"
        return bus

    def function(
        self, *place: str, code: str, vendor: str, numa: int = 0, speed: Speed | None = GEN5
    ) -> Path:
        """Put a function in its place, host bridge first; bridges that are not there are made."""
        if len(place) > 2 and not (self.sysfs / "bus/pci/devices" / place[-2]).exists():  # noqa: PLR2004 - host bridge and function
            self.function(*place[:-1], code="0x060400", vendor="0x1000", numa=numa, speed=speed)
        home = self.sysfs / "devices" / Path(*place)
        self._write(home, {"class": code, "vendor": vendor, "numa_node": numa})
        if speed:
            told = {
                "max_link_speed": speed.gts,
                "current_link_speed": "2.5 GT/s PCIe",
                "max_link_width": speed.lanes_possible,
                "current_link_width": speed.lanes,
            }
            self._write(home, told)
        self._link(f"bus/pci/devices/{place[-1]}", home)
        return home

    def gpu(self, *place: str, numa: int = 0, speed: Speed | None = GEN5, uuid: str = "") -> None:
        """Put a GPU in its place; with a `uuid` where its driver tells one."""
        self.function(*place, code="0x030200", vendor="0x10de", numa=numa, speed=speed)
        if uuid:
            told = self.procfs / "driver/nvidia/gpus" / place[-1] / "information"
            told.parent.mkdir(parents=True)
            told.write_text(f"Model: \t\t NVIDIA H100 80GB HBM3\nGPU UUID: \t {uuid}\n")

    def nic(  # noqa: PLR0913 - what a NIC is, all by keyword
        self,
        *place: str,
        device: str = "",
        netdev: str = "",
        link_layer: str = IB,
        gbits: int = 400,
        ports: int = 1,
        numa: int = 0,
        speed: Speed | None = GEN5,
        virtual_functions: int = 0,
        copied: Path | None = None,
    ) -> Path:
        """Put a NIC in its place; `copied` is the captured directory of its RDMA device."""
        code = "0x020700" if link_layer == IB else "0x020000"
        home = self.function(*place, code=code, vendor="0x15b3", numa=numa, speed=speed)
        if virtual_functions:
            self._write(home, {"sriov_numvfs": virtual_functions})
        if netdev:
            self.netdev(netdev, home, gbits=gbits)
        if device and copied:
            self._copy(copied, home / "infiniband" / device)
        elif device:
            self._rdma(home / "infiniband" / device, link_layer, gbits, ports, netdev)
        if device:
            self._link(f"class/infiniband/{device}", home / "infiniband" / device)
            self._symlink(home / "infiniband" / device / "device", home)
        return home

    def netdev(self, name: str, home: Path, *, gbits: int = 10, up: bool = True) -> None:
        """Give a function a network interface."""
        state = {"operstate": "up" if up else "down", "carrier": int(up), "speed": gbits * 1000}
        self._write(home / "net" / name, state)
        self._symlink(home / "net" / name / "device", home)
        self._link(f"class/net/{name}", home / "net" / name)

    def upper(self, upper: str, *lowers: str) -> None:
        """Build an interface on others: a bond, a bridge, a VLAN."""
        home = self.sysfs / "devices/virtual/net" / upper
        self._write(home, {"operstate": "up", "carrier": 1})
        self._link(f"class/net/{upper}", home)
        for lower in lowers:
            self._symlink(self.sysfs / "class/net" / lower / f"upper_{upper}", home)

    def redirect(self, address: str) -> None:
        """Let a bridge's ACS send all traffic between its devices up to the root."""
        space = bytearray(_CONFIG_BYTES)
        struct.pack_into("<I", space, _EXTENDED, _LATER << 20 | 1 << 16 | 0x01)
        struct.pack_into("<IHH", space, _LATER, 1 << 16 | _ACS, 0x5F, _P2P_REDIRECT | 1)
        (self.sysfs / "bus/pci/devices" / address / "config").write_bytes(space)

    def routes(self, *, default: str, v6: str = "") -> None:
        """Write the routing tables; "" is no default route."""
        header = (
            "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT"
        )
        lines = [header, "lo0\t0000FEA9\t00000000\t0001\t0\t0\t1000\t0000FFFF\t0\t0\t0"]
        if default:
            lines.append(f"{default}\t00000000\t0100A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0")
        self._write(self.procfs / "1/net", {"route": "\n".join(lines)})
        zero = "0" * 32
        lo = f"{zero} 00 {zero} 00 {zero} ffffffff 00000001 00000000 00200200       lo"
        via = f"{zero} 00 {zero} 00 {zero} 00000400 00000001 00000000 00000003 {v6:>8}"
        self._write(self.procfs / "1/net", {"ipv6_route": "\n".join([lo, *([via] if v6 else [])])})

    def _rdma(self, at: Path, link_layer: str, gbits: int, ports: int, netdev: str) -> None:
        rate = f"{gbits} Gb/sec (4X NDR)"
        for number in range(1, ports + 1):
            told = {"state": "4: ACTIVE", "rate": rate, "link_layer": link_layer}
            self._write(at / "ports" / str(number), told)
            if netdev and link_layer != IB:
                self._write(at / f"ports/{number}/gid_attrs/ndevs", {"0": netdev})

    def _copy(self, captured: Path, at: Path) -> None:
        for file in sorted(captured.rglob("*")):
            if file.is_file():
                self._write((at / file.relative_to(captured)).parent, {file.name: file.read_text()})

    def _write(self, folder: Path, files: Mapping[str, object]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_text(f"{content}\n")

    def _link(self, name: str, home: Path) -> None:
        self._symlink(self.sysfs / name, home)

    @staticmethod
    def _symlink(at: Path, to: Path) -> None:
        at.parent.mkdir(parents=True, exist_ok=True)
        at.symlink_to(os.path.relpath(to, at.parent.resolve()))

    @classmethod
    def hgx_h100(cls, root: Path, captured: Path | None = None) -> Self:
        """Return an HGX H100 as DGX H100 is wired: below each of eight switches a GPU and a NIC.

        Buses after NVIDIA's DGX H100 user guide. A BlueField bond for everything else stands on
        root ports of its own. With `captured`, the RDMA devices are those of a captured node,
        in its order.
        """
        bus = cls(root)
        names = ["mlx5_0", "mlx5_1", *(f"mlx5_{number}" for number in range(4, 10))]
        for index, (gpu, nic) in enumerate(HGX_PAIRS):
            numa = int(index >= len(HGX_PAIRS) // 2)
            switch = (f"pci0000:{nic - 3:02x}", _at(nic - 3, "01.0"), _at(nic - 2))
            below = f"0000:{nic - 1:02x}:"
            uuid = f"GPU-00000000-0000-0000-0000-{index:012}"
            bus.gpu(*switch, f"{below}04.0", _at(gpu), numa=numa, uuid=uuid)
            name = names[index]
            at = captured / name if captured else None
            bus.nic(*switch, f"{below}00.0", _at(nic), device=name, numa=numa, copied=at)
        bond = ("pci0000:26", "0000:26:01.0")
        at = captured / "mlx5_bond_0" if captured else None
        bus.nic(
            *bond, "0000:29:00.0", device="mlx5_bond_0", netdev="ens1f0np0",
            link_layer=ETHERNET, gbits=200, speed=GEN5, copied=at,
        )  # fmt: skip
        bus.nic(*bond, "0000:29:00.1", netdev="ens1f1np1", link_layer=ETHERNET, gbits=200)
        bus.upper("bond0", "ens1f0np0", "ens1f1np1")
        bus.nic(
            "pci0000:00", "0000:00:1c.0", "0000:01:00.0", netdev="eno1",
            link_layer=ETHERNET, gbits=10, speed=GEN3_X4,
        )  # fmt: skip
        return bus

    @classmethod
    def rails(cls, root: Path, count: int) -> Self:
        """Return a node of so many GPUs, each with a RoCE NIC below its switch."""
        bus = cls(root)
        for index in range(count):
            host = 0x10 * (index + 1)
            switch = (f"pci0000:{host:02x}", _at(host, "01.0"), _at(host + 1))
            bus.gpu(*switch, _at(host + 2), _at(host + 3))
            bus.nic(
                *switch, _at(host + 2, "01.0"), _at(host + 4),
                device=f"mlx5_{index}", netdev=f"eth{index}", link_layer=ETHERNET,
            )  # fmt: skip
        return bus

    @classmethod
    def p4d(cls, root: Path) -> Self:
        """Return a node as AWS's p4d shows itself: no bridges, but a root bus for each group."""
        bus = cls(root)
        for group, host in enumerate((0x10, 0x20, 0x90, 0xA0)):
            numa = group // 2
            place = f"pci0000:{host:02x}"
            for slot in ("1c.0", "1d.0"):
                bus.gpu(place, f"0000:{host:02x}:{slot}", numa=numa, speed=None)
            bus.nic(
                place, f"0000:{host:02x}:1b.0", device=f"rdmap{host}s27", netdev=f"ens{host}",
                link_layer=ETHERNET, gbits=100, numa=numa, speed=None,
            )  # fmt: skip
        bus.routes(default="ens16")
        return bus


def _at(bus: int, function: str = "00.0") -> str:
    return f"0000:{bus:02x}:{function}"


HGX_PAIRS = (
    (0x1B, 0x18), (0x43, 0x40), (0x52, 0x4F), (0x61, 0x5E),
    (0x9D, 0x9A), (0xC3, 0xC0), (0xD1, 0xCE), (0xDF, 0xDC),
)  # fmt: skip
"""Buses of each GPU and of the NIC below the same switch."""
