"""RDMA devices that are not here and yet not missing: in a pod's network namespace, or in a VM.

Where devices belong to one namespace each (`rdma system set netns exclusive`), a plugin that gives
one to a pod takes it out of this namespace's sysfs. Its PCI function stays, with the folder
`infiniband` of its driver, now empty. One that is handed to a virtual machine stays bound to
vfio-pci. A function without either has lost its device, or its driver.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from exporters.errors import ReadingError
from exporters.files import entries
from exporters.rdma.sysfs import device_folder

_PASSED_ON = "vfio-pci"


class Lookout:
    """Which PCI functions had devices, for as long as a worker lives."""

    def __init__(self, sysfs: Path) -> None:
        """Begin without having looked."""
        self._sysfs = sysfs
        self._functions: dict[str, str] = {}
        """PCI address by device."""
        self._last: frozenset[str] | None = None
        self._found: tuple[str, ...] = ()

    def elsewhere(self, listed: Iterable[str]) -> tuple[str, ...]:
        """Return the PCI addresses of devices that are elsewhere, where these are here.

        Looks only when the list has changed: a device that goes or comes is what changes it.
        """
        here = frozenset(listed)
        if here != self._last:
            self._last = here
            for device in here - self._functions.keys():
                if address := _address(device_folder(self._sysfs, device)):
                    self._functions[device] = address
            self._found = tuple(sorted({*self._emptied(), *self._passed_on(here)}))
        return self._found

    def _emptied(self) -> Iterator[str]:
        for function in _entries(self._functions_folder):
            folder = self._functions_folder / function / "infiniband"
            if folder.is_dir() and not _entries(folder):
                yield function

    def _passed_on(self, here: frozenset[str]) -> Iterator[str]:
        for device, function in self._functions.items():
            if device not in here and _driver(self._functions_folder / function) == _PASSED_ON:
                yield function

    @property
    def _functions_folder(self) -> Path:
        return self._sysfs / "bus" / "pci" / "devices"


def _address(folder: Path) -> str:
    try:
        return (folder / "device").readlink().name
    except OSError:
        return ""


def _driver(function: Path) -> str:
    try:
        return (function / "driver").readlink().name
    except OSError:
        return ""


def _entries(folder: Path) -> list[str]:
    try:
        return entries(folder)
    except ReadingError:
        return []
