"""The network interface that belongs to an RDMA port."""

import re
from functools import lru_cache
from pathlib import Path

from exporters.errors import ReadingError
from exporters.files import entries
from exporters.rdma.sysfs import Port

_NAME = re.compile(r"[^/\s\0.][^/\s\0]{0,14}")
_LOWER = "lower_"


def name(port: Port) -> str:
    """Return the interface's name: as the port's GID says, else the device's only one, else "".

    The GID names an interface also while that is in another network namespace, a pod's say; an
    interface of the same name that is here is another's.
    """
    if port.netdev is None:
        port.netdev = _name(port)
    return port.netdev


def _name(port: Port) -> str:
    try:
        told = port.own("gid_attrs/ndevs").read("0")
    except ReadingError:  # EINVAL on InfiniBand, whose GIDs have no interface
        told = ""
    if _NAME.fullmatch(told):
        return told if _is_of(port, folder(port, told)) else ""
    try:
        # Not from a folder that is kept: interfaces come and go there without a new time stamp.
        candidates = entries(f"{port.folder}/device/net")
    except ReadingError:
        return ""
    return candidates[0] if len(candidates) == 1 else ""


def folder(port: Port, netdev: str) -> Path:
    """Return the interface's folder; a bond's stands in no device's own."""
    return _interface(port.folder, netdev)


@lru_cache(maxsize=4096)
def _interface(device: Path, netdev: str) -> Path:
    return device.parents[1] / "net" / netdev


def _is_of(port: Port, netdev: Path) -> bool:
    """Whether an interface, or one that a bond is made of, is the port's own device's."""
    device = port.folder / "device"
    if not device.exists():
        return True  # a device without a bus, as a software one's: its word is all there is
    if _is_same(netdev / "device", device):
        return True
    try:
        lower = [one for one in entries(netdev) if one.startswith(_LOWER)]
    except ReadingError:
        return False
    return any(_is_same(netdev / one / "device", device) for one in lower)


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False
