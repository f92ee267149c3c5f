"""An RDMA port as sysfs shows it: /sys/class/infiniband/DEVICE/ports/N."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from catalog.metrics import Metric
from exporters.errors import Absent, Unreadable
from exporters.files import entries, read
from exporters.rdma.kept import Folder, Folders
from exporters.sample import Sample

_PATHS = 4096
"""Paths of devices that are remembered: to put one together costs as much as to read it."""

_HIGHEST = 2**64 - 1
_SHOWN = 80
_LANES = re.compile(r"\(([0-9]{1,3})X")

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Port:
    """One port; paths are below the device's folder, or below the port's own."""

    device: str
    number: str
    """Empty for the device as a whole."""
    folder: Path
    """The device's folder."""
    leads: bool = True
    """Whether it is the device's first port."""
    alone: bool = True
    """Whether it is the only one."""
    trouble: list[str] = field(default_factory=list, compare=False)
    """The files that could not be read or made no sense, by their names below the port."""
    folders: Folders = field(default_factory=Folders, compare=False, repr=False)
    """Those that stay open from cycle to cycle."""
    opened: dict[str, Folder] = field(default_factory=dict, compare=False, repr=False)
    """Those that were looked at in this cycle."""
    netdev: str | None = field(default=None, compare=False, repr=False)
    """The name of its network interface, once that was looked for in this cycle."""
    place: str = field(init=False, compare=False, repr=False)
    """The path of the port's own folder."""
    within: str = field(init=False, compare=False, repr=False)
    """How the path of each folder of the device begins; others may become another's."""

    def __post_init__(self) -> None:
        """Write paths once, as every reading begins with them."""
        self.within = str(self.folder)
        self.place = f"{self.within}/ports/{self.number}"

    def begin(self, opened: dict[str, Folder]) -> None:
        """Begin a cycle, in which the device's folders are opened together."""
        self.opened, self.netdev = opened, None
        self.trouble.clear()

    @property
    def whole(self) -> "Port":
        """The device as a whole."""
        return replace(self, number="")

    def sample(self, metric: Metric, value: float, *labels: str) -> Sample:
        """Return a sample of this port."""
        return Sample(metric, (self.device, self.number, *labels), value)

    def path(self, name: str) -> Path:
        """Return the path of one of the port's own files."""
        return self.folder / "ports" / self.number / name

    def take(self, name: str, parse: Callable[[str, str], T]) -> T:
        """Return what one of the port's own files says; what is Unreadable is noted as trouble."""
        kind, _, file = name.rpartition("/")
        return self.take_in(self.own(kind), file, parse, kind)

    def take_from(
        self, folder: Path, file: str, parse: Callable[[str, str], T], kind: str = ""
    ) -> T:
        """Return what a file in any folder says; `kind` goes before its name in the trouble."""
        path = f"{folder}/{file}"
        try:
            return parse(read(path), path)
        except Unreadable:
            self.trouble.append(f"{kind}/{file}" if kind else file)
            raise

    def own(self, kind: str) -> Folder:
        """Return one of the port's own folders, or the port's where it has no name."""
        return self.open(f"{self.place}/{kind}" if kind else self.place)

    def open(self, path: str) -> Folder:
        """Return a folder as it was when it was first looked at in this cycle."""
        found = self.opened.get(path)
        if found is None:
            look = self.folders.open if path.startswith(self.within) else self.folders.open_by_name
            found = self.opened[path] = look(path)
        if (trace := self.folders.trace) is not None:
            trace.folders.append(found)
        return found

    def take_in(self, folder: Folder, file: str, parse: Callable[[str, str], T], kind: str) -> T:
        """Return what a file in an open folder says, as `take_from` does."""
        try:
            return parse(folder.read(file), f"{folder.path}/{file}")
        except Unreadable:
            self.trouble.append(f"{kind}/{file}" if kind else file)
            raise


def count(said: str, path: str) -> int:
    """Return a counter as the kernel counts it; Absent where the port has none."""
    if said.startswith("N/A"):  # what the kernel says where a port has no PMA
        raise Absent(f"{path}: {said[:_SHOWN]}")
    return number(said, path)


def number(text: str, path: str) -> int:
    """Return an unsigned 64-bit number; Unreadable names the path where the text is none."""
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(_HIGHEST)):
        raise Unreadable(f"{path}: {text[:_SHOWN]!r} is not a counter")
    value = int(text)
    if value > _HIGHEST:
        raise Unreadable(f"{path}: {value} is beyond 64 bits")
    return value


def leading_number(text: str, path: str) -> int:
    """Return the number before the colon of `4: ACTIVE`."""
    head, colon, _ = text.partition(":")
    if not colon:
        raise Unreadable(f"{path}: {text[:_SHOWN]!r} is not a state such as '4: ACTIVE'")
    return number(head.strip(" "), path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How fast a link runs, one direction."""

    bytes_per_second: float
    lanes: int
    """0 where the kernel does not say."""


def rate(text: str, path: str) -> Rate:
    """Return the rate in `400 Gb/sec (4X NDR)`."""
    amount, _, unit = text.partition(" ")
    try:
        gigabits = float(amount)
    except ValueError:
        gigabits = math.nan
    if not (math.isfinite(gigabits) and gigabits >= 0 and unit.startswith("Gb/sec")):
        raise Unreadable(f"{path}: {text[:_SHOWN]!r} is not a rate such as '400 Gb/sec (4X NDR)'")
    lanes = _LANES.search(unit)
    return Rate(bytes_per_second=gigabits * 1e9 / 8, lanes=int(lanes[1]) if lanes else 0)


@lru_cache(maxsize=_PATHS)
def device_folder(sysfs: Path, device: str) -> Path:
    """Return the folder of a device."""
    return sysfs / "class" / "infiniband" / device


def devices(sysfs: Path) -> list[str]:
    """Return the devices' names; none where the kernel has no RDMA device."""
    return _names(device_folder(sysfs, ""))


def ports(folder: Path, folders: Folders | None = None) -> list[Port]:
    """Return a device's ports in order; none where it vanished since it was listed."""
    kept = folders or Folders(0)
    kept.enter(str(folder))
    try:
        listed = kept.open(f"{folder}/ports")
        found = listed.once(ports, lambda: _made(folder, listed.names(), kept))
    except Absent:
        return []
    opened = dict[str, Folder]()
    for port in found:
        port.begin(opened)
    return found


def _made(folder: Path, names: list[str], folders: Folders) -> list[Port]:
    numbers = sorted(names, key=_numerically)
    return [
        Port(
            device=folder.name,
            number=number,
            folder=folder,
            leads=number == numbers[0],
            alone=len(numbers) == 1,
            folders=folders,
        )
        for number in numbers
    ]


def _names(folder: Path) -> list[str]:
    try:
        return entries(folder)
    except Absent:
        return []


def _numerically(name: str) -> tuple[int, str]:
    return len(name), name
