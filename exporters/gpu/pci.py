"""The NVIDIA GPUs on the PCI bus, as sysfs has them.

A scan reads only what the kernel itself remembers: it makes no access to a device and takes no
lock that one could hold, so the program makes it. The configuration space is the device's own, and
a worker reads it.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from exporters.errors import Absent, ReadingError, Unreadable
from exporters.facility import Cycle, Facility, Outcome
from exporters.files import entries, read
from exporters.runtime import run
from exporters.sample import Note

if TYPE_CHECKING:
    from collections.abc import Iterator

DRIVER = "nvidia"
"""The driver that makes a function a GPU of ours; vfio-pci or none makes it somebody else's."""

NAME = "pci"
DOUBTED = "doubted"
"""In a worker's target: the slots to look at, with blanks between."""
ALL_ONES = "all_ones"
ANSWERS = "answers"

_VENDOR = "0x10de"
_DISPLAYS = ("0x0300", "0x0302")
"""PCI classes: VGA and 3D controller. Audio, USB and NVSwitch functions are no GPUs."""

_PHYSICAL = "physfn"
"""What only a virtual function has: the link to the card that it is a part of."""

_ONES = b"\xff\xff\xff\xff"
"""What reading the vendor and device id of a function that is not there any more gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One GPU's PCI function; `driver` is empty where none is bound.

    `number` is its directory's: another one tells that the function was removed and added anew.
    """

    driver: str
    number: int

    @property
    def managed(self) -> bool:
        """Whether NVIDIA's driver has it."""
        return self.driver == DRIVER


class Bus:
    """The PCI bus; what is no GPU is looked at once."""

    def __init__(self, sysfs: str) -> None:
        """Take the root of sysfs."""
        self._devices = Path(sysfs) / "bus/pci/devices"
        self._kinds: dict[str, bool] = {}

    def scan(self) -> dict[str, Function] | None:
        """Return the GPUs by slot, None where this sysfs does not tell."""
        try:
            slots = entries(self._devices)
        except ReadingError:
            return None
        known = self._kinds
        kinds = {slot: known[slot] if slot in known else self._is_gpu(slot) for slot in slots}
        self._kinds = {slot: gpu for slot, gpu in kinds.items() if gpu is not None}
        found = {slot: self._function(slot) for slot, gpu in self._kinds.items() if gpu}
        return {slot: function for slot, function in found.items() if function is not None}

    def _is_gpu(self, slot: str) -> bool | None:
        """Return whether a function is a GPU, None where it cannot be read: it may be coming.

        On a host of vGPUs a card has up to dozens of virtual functions, of the card's own class and
        driver; no list of NVML's has them, and none is a GPU that could be missing.
        """
        folder = self._devices / slot
        try:
            vendor, kind = (read(folder / name) for name in ("vendor", "class"))
        except ReadingError:
            return None
        is_card = vendor == _VENDOR and kind.startswith(_DISPLAYS)
        return is_card and not os.path.lexists(folder / _PHYSICAL)

    def _function(self, slot: str) -> Function | None:
        """Return a function, None where it vanished meanwhile."""
        path = self._devices / slot
        driver = _driver(path)
        try:
            return Function(driver=driver, number=path.stat().st_ino)
        except OSError:
            return None


def _driver(device: Path) -> str:
    """Return the name of the driver that has a function, empty where none has."""
    with contextlib.suppress(OSError):
        return os.path.basename(os.readlink(device / "driver"))  # noqa: PTH115, PTH119 - text
    return ""


def is_bound(sysfs: str, slot: str) -> bool:
    """Return whether the bus shows that NVIDIA's driver has the function in a slot."""
    return _driver(Path(sysfs) / "bus/pci/devices" / slot) == DRIVER


class ConfigSession:
    """The configuration space of GPUs in doubt."""

    lasting = False
    notes: tuple[Note, ...] = ()

    def __init__(self, sysfs: str, slots: str) -> None:
        """Take the root of sysfs, and the slots as a target has them."""
        self._devices = Path(sysfs) / "bus/pci/devices"
        self._slots = slots.split()

    def cycle(self) -> Iterator[Outcome]:
        """Look at each; one that does not answer at all is told by the deadline."""
        yield run(CONFIG, [self._devices / slot for slot in self._slots])


def look(device: Path) -> Iterator[Note]:
    """Note whether a function answers; one that is gone from the bus notes nothing."""
    try:
        with (device / "config").open("rb", buffering=0) as file:
            head = file.read(len(_ONES))
    except FileNotFoundError as error:
        raise Absent(str(error)) from None
    except OSError as error:
        raise Unreadable(f"{device}/config: {error.strerror}") from None
    if head == _ONES:
        yield Note(ALL_ONES, device.name)
    elif head:
        yield Note(ANSWERS, device.name)


CONFIG = Facility(
    family="gpu", name=NAME, reads="the configuration space of GPUs in doubt", readings=(look,)
)


def answers(cycle: Cycle) -> dict[str, bool]:
    """Return which of the functions looked at answer, by slot."""
    dead = {str(slot): False for slot in cycle.notes(ALL_ONES)}
    return dead | {str(slot): True for slot in cycle.notes(ANSWERS)}
