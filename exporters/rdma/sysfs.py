"""An RDMA port as sysfs shows it: /sys/class/infiniband/DEVICE/ports/N."""

import math
from dataclasses import dataclass
from pathlib import Path

from catalog.metrics import Metric
from exporters.errors import Absent, Unreadable
from exporters.files import entries, read
from exporters.sample import Sample

_HIGHEST = 2**64 - 1
_SHOWN = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """One port; paths are below the device's folder, or below the port's own."""

    device: str
    number: str
    folder: Path
    """The device's folder."""

    def sample(self, metric: Metric, value: float, *labels: str) -> Sample:
        """Return a sample of this port."""
        return Sample(metric, (self.device, self.number, *labels), value)

    def path(self, name: str) -> Path:
        """Return the path of one of the port's own files."""
        return self.folder / "ports" / self.number / name

    def counter(self, name: str) -> int:
        """Return a counter as the kernel counts it; Absent where the port has none."""
        text = read(self.path(name))
        if text.startswith("N/A"):  # what the kernel says where a port has no PMA
            raise Absent(f"{self.path(name)}: {text[:_SHOWN]}")
        return number(text, self.path(name))


def number(text: str, path: Path) -> int:
    """Return an unsigned 64-bit number; Unreadable names the path where the text is none."""
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(_HIGHEST)):
        raise Unreadable(f"{path}: {text[:_SHOWN]!r} is not a counter")
    value = int(text)
    if value > _HIGHEST:
        raise Unreadable(f"{path}: {value} is beyond 64 bits")
    return value


def leading_number(text: str, path: Path) -> int:
    """Return the number before the colon of `4: ACTIVE`."""
    head, colon, _ = text.partition(":")
    if not colon:
        raise Unreadable(f"{path}: {text[:_SHOWN]!r} is not a state such as '4: ACTIVE'")
    return number(head.strip(), path)


def bytes_per_second(text: str, path: Path) -> float:
    """Return the rate in `400 Gb/sec (4X NDR)`, one direction."""
    amount, _, unit = text.partition(" ")
    try:
        gigabits = float(amount)
    except ValueError:
        gigabits = math.nan
    if not (math.isfinite(gigabits) and gigabits >= 0 and unit.startswith("Gb/sec")):
        raise Unreadable(f"{path}: {text[:_SHOWN]!r} is not a rate such as '400 Gb/sec (4X NDR)'")
    return gigabits * 1e9 / 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The ports there are, and what kept others from being listed."""

    found: tuple[Port, ...]
    problem: str = ""


def ports(sysfs: Path) -> Ports:
    """Return the ports in order; none where the kernel has no RDMA device.

    A device that vanishes meanwhile is passed over; one that cannot be listed hides no other.
    """
    folder = sysfs / "class" / "infiniband"
    devices, problem = _names(folder)
    found = []
    for device in devices:
        numbers, unlisted = _names(folder / device / "ports")
        problem = problem or unlisted
        found += [
            Port(device=device, number=number, folder=folder / device)
            for number in sorted(numbers, key=_numerically)
        ]
    return Ports(found=tuple(found), problem=problem)


def _names(folder: Path) -> tuple[list[str], str]:
    try:
        return entries(folder), ""
    except Absent:
        return [], ""
    except Unreadable as error:
        return [], str(error)


def _numerically(name: str) -> tuple[int, str]:
    return len(name), name
