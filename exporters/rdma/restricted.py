"""PCI functions that refuse to be read, and are left alone.

On some systems (HGX and DGX B200 and later) the fabric manager keeps ConnectX functions to itself.
Each read of a counter then ends in EINVAL and in a line of the kernel's log, `ACCESS_REG(0x805) …
failed`, so that reading them all every few seconds floods it. Whether a function is such is found
out once, from the first few of its counters, and not asked again while it stays bound.
"""

import errno
import os
from pathlib import Path

from exporters.errors import ReadingError
from exporters.files import entries
from exporters.rdma.sysfs import device_folder

_DRIVER = "mlx5_core"
_PROBES = 3
"""Counters that are tried: enough not to take one odd file for a refusal."""


class Restrictions:
    """Which devices refused, for as long as a worker lives."""

    def __init__(self, sysfs: Path) -> None:
        """Begin with none tried."""
        self._sysfs = sysfs
        self._known: dict[str, tuple[int, bool]] = {}
        """By device: which instance of it was tried, and whether it refused."""

    def hold(self, device: str) -> bool:
        """Whether this device refuses to be read; tries it where it is new."""
        try:
            instance = device_folder(self._sysfs, device).stat().st_ino
        except OSError:
            return False
        return self.hold_instance(device, instance)

    def hold_instance(self, device: str, instance: int) -> bool:
        """Whether this instance of a device refuses to be read, as `hold` does."""
        known = self._known.get(device)
        if known is None or known[0] != instance:
            known = self._known[device] = instance, _refuses(device_folder(self._sysfs, device))
        return known[1]


def _refuses(folder: Path) -> bool:
    if not _may_refuse(folder / "device"):
        return False
    tried = _counters(folder)[:_PROBES]
    return len(tried) == _PROBES and all(_is_refused(file) for file in tried)


def _may_refuse(pci: Path) -> bool:
    """Whether it is a physical function of the driver whose firmware refuses so."""
    try:
        driver = (pci / "driver").readlink().name
    except OSError:
        return False
    return driver == _DRIVER and not os.path.lexists(pci / "physfn")


def _counters(folder: Path) -> list[Path]:
    try:
        return [
            folder / "ports" / port / "counters" / file
            for port in entries(folder / "ports")
            for file in entries(folder / "ports" / port / "counters")
        ]
    except ReadingError:
        return []


def _is_refused(file: Path) -> bool:
    try:
        file.read_bytes()
    except OSError as error:
        return error.errno == errno.EINVAL
    return False
