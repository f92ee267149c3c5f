"""The PCI tree as sysfs shows it: GPUs, NICs and every bridge above them.

A device's place is the link in bus/pci/devices, of which only the text is used: whatever a broken
tree makes it point to, nothing is followed, so nothing can loop.
"""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from exporters.errors import Absent, ReadingError
from exporters.files import entries, read
from exporters.topology.acs import redirects

_ROOT = re.compile(r"pci[0-9a-f]{4,8}:[0-9a-f]{2}")
_ADDRESS = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
_SPEED = re.compile(r"([0-9]{1,3}(?:\.[0-9])?) GT/s")
_NVIDIA = "0x10de"
_DISPLAY = ("0x0300", "0x0302")
"""PCI classes of a GPU: VGA and 3D controller."""

_DRIVER = "nvidia"
_NETWORK = "0x02"
_MOST_LANES = 32
_MOST_DEEP = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """The PCIe link of a function: of an endpoint, the one to the port above it.

    0 is what sysfs does not tell. The current speed is left out on purpose: an idle GPU lowers it.
    """

    gts: float
    """Giga-transfers a second that this end can do."""
    lanes: int
    """Lanes in use."""
    lanes_possible: int

    @property
    def narrowed(self) -> bool:
        """Whether it runs over fewer lanes than this end has."""
        return 0 < self.lanes < self.lanes_possible

    @property
    def bytes_per_second(self) -> float:
        """What it carries in one direction, encoding taken off; 0 where that is not known."""
        return self.gts * 1e9 / 8 * _efficiency(self.gts) * (self.lanes or self.lanes_possible)


def _efficiency(gts: float) -> float:
    """Return the part that is data: 8b/10b, 128b/130b, and 236 of 256 bytes in PCIe 6's flits."""
    if gts <= 5:  # noqa: PLR2004 - generations 1 and 2
        return 8 / 10
    return 128 / 130 if gts <= 32 else 236 / 256  # noqa: PLR2004 - generations 3 to 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One PCI function."""

    address: str
    root: str
    """Its host bridge, `pci0000:00`; "" where its place is not known."""
    above: tuple[str, ...]
    """Addresses of the bridges above it, the root port first."""
    vendor: str = ""
    code: str = ""
    """Its class, `0x030200`."""
    numa_node: int | None = None
    link: Link | None = None
    acs_redirects: bool | None = None
    """Of a bridge: whether it sends what its devices tell each other up to the root."""
    given_away: bool = False
    """Whether another driver than NVIDIA's has it, as vfio-pci for a virtual machine."""

    @property
    def is_gpu(self) -> bool:
        """Whether it is an NVIDIA GPU."""
        return self.vendor == _NVIDIA and self.code.startswith(_DISPLAY)

    @property
    def is_nic(self) -> bool:
        """Whether it is a network controller of any kind."""
        return self.code.startswith(_NETWORK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """GPUs, NICs and the bridges above them; virtual functions are not among them."""

    functions: Mapping[str, Function] = field(default_factory=dict)
    numa_nodes: int = 0
    """NUMA nodes of the machine; 0 where that is not known."""
    problems: tuple[str, ...] = ()

    @property
    def gpus(self) -> list[Function]:
        """The GPUs in PCI order, as NVML numbers them; last those that it does not number."""
        found = (one for one in self._ordered if one.is_gpu)
        return sorted(found, key=lambda one: one.given_away)

    @property
    def nics(self) -> list[Function]:
        """The NICs in PCI order."""
        return [one for one in self._ordered if one.is_nic]

    @property
    def _ordered(self) -> Iterable[Function]:
        return (self.functions[address] for address in sorted(self.functions))


def read_tree(sysfs: Path) -> Tree:
    """Return the tree; what could not be read of it is said in its problems."""
    reader = _Reader(sysfs)
    for address in reader.addresses():
        reader.look_at(address)
    return Tree(
        functions=dict(sorted(reader.functions.items())),
        numa_nodes=_numa_nodes(sysfs),
        problems=tuple(reader.problems),
    )


def _numa_nodes(sysfs: Path) -> int:
    try:
        return sum(n.startswith("node") for n in entries(sysfs / "devices/system/node"))
    except ReadingError:
        return 0


class _Reader:
    """Reads functions, each once; what fails of one costs only that."""

    def __init__(self, sysfs: Path) -> None:
        self._devices = sysfs / "bus/pci/devices"
        self.functions: dict[str, Function] = {}
        self.problems: list[str] = []

    def addresses(self) -> list[str]:
        try:
            return [name for name in entries(self._devices) if _ADDRESS.fullmatch(name)]
        except Absent:
            return []
        except ReadingError as error:
            self.problems.append(str(error))
            return []

    def look_at(self, address: str) -> None:
        """Take a GPU or a NIC, and the bridges above it."""
        if os.path.lexists(self._devices / address / "physfn"):
            return
        code, vendor = self._text(address, "class"), ""
        if code.startswith(_DISPLAY):
            vendor = self._text(address, "vendor")
        if not (code.startswith(_NETWORK) or vendor == _NVIDIA):
            return
        found = self._take(address)
        for bridge in found.above:
            if bridge not in self.functions:
                self._take(bridge)

    def _take(self, address: str) -> Function:
        root, above = self._place(address)
        folder = self._devices / address
        code = self._text(address, "class")
        self.functions[address] = Function(
            address=address,
            root=root,
            above=above,
            vendor=self._text(address, "vendor"),
            code=code,
            numa_node=self._numa_node(address),
            link=self._link(address),
            acs_redirects=redirects(folder / "config") if code.startswith("0x0604") else None,
            given_away=code.startswith(_DISPLAY) and _driver(folder) not in ("", _DRIVER),
        )
        return self.functions[address]

    def _place(self, address: str) -> tuple[str, tuple[str, ...]]:
        """Return host bridge and bridges; none where the link does not tell them."""
        path = self._devices / address
        try:
            parts = path.readlink().parts
        except OSError as error:
            return self._lost(f"{path}: {error.strerror}")
        at = max((i for i, part in enumerate(parts) if _ROOT.fullmatch(part)), default=-1)
        chain = parts[at + 1 :]
        whole = at >= 0 and chain[-1:] == (address,) and len(chain) <= _MOST_DEEP
        if not (whole and all(map(_ADDRESS.fullmatch, chain)) and len(set(chain)) == len(chain)):
            return self._lost(f"{path}: leads to no place on the bus")
        return parts[at], tuple(chain[:-1])

    def _lost(self, problem: str) -> tuple[str, tuple[str, ...]]:
        self.problems.append(problem)
        return "", ()

    def _text(self, address: str, file: str) -> str:
        try:
            return read(self._devices / address / file)
        except Absent:
            return ""
        except ReadingError as error:
            self.problems.append(str(error))
            return ""

    def _numa_node(self, address: str) -> int | None:
        said = self._text(address, "numa_node")
        return int(said) if said.isascii() and said.isdigit() else None

    def _link(self, address: str) -> Link | None:
        speed = _SPEED.match(self._text(address, "max_link_speed"))
        link = Link(
            gts=float(speed[1]) if speed else 0.0,
            lanes=_lanes(self._text(address, "current_link_width")),
            lanes_possible=_lanes(self._text(address, "max_link_width")),
        )
        return link if link.bytes_per_second else None


def _driver(folder: Path) -> str:
    """Return the driver that has a function, "" where none has or none is told."""
    try:
        return (folder / "driver").readlink().name
    except OSError:
        return ""


def _lanes(text: str) -> int:
    lanes = int(text) if text.isascii() and text.isdigit() and len(text) <= 3 else 0  # noqa: PLR2004 - digits
    return lanes if lanes <= _MOST_LANES else 0
