"""The network interface that belongs to an RDMA port."""

import re
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from exporters.errors import Absent, ReadingError
from exporters.files import entries
from exporters.rdma.kept import Folder
from exporters.rdma.sysfs import Port

_NAME = re.compile(r"[^/\s\0.][^/\s\0]{0,14}")
_LOWER = "lower_"
_GIDS = "gid_attrs"


def name(port: Port) -> str:
    """Return the interface's name: as the port's GID says, else the device's only one, else "".

    The GID names an interface also while that is in another network namespace, a pod's say; an
    interface of the same name that is here is another's.
    """
    if port.netdev is None:
        port.netdev = _name(port)
    return port.netdev


def _name(port: Port) -> str:
    told = _told(port)
    if _NAME.fullmatch(told):
        return told if _is_of(port, folder(port, told)) else ""
    try:
        return _only(port)
    except ReadingError:
        return ""


def _told(port: Port) -> str:
    """Return what the port's GID says: nothing on InfiniBand, whose GIDs have no interface."""
    try:
        if _GIDS in port.own("").names():
            return port.own(f"{_GIDS}/ndevs").read("0")
    except ReadingError:
        pass
    return ""


def _only(port: Port) -> str:
    """Return the device's only interface.

    Interfaces come and go, and are renamed, without a new time stamp of the folder that they stand
    in; so one is taken for the same only where the folder has as many as before, and what goes by
    its name is what went by it.
    """
    all_ = port.open(f"{port.within}/device/net")
    known: tuple[str, Folder] | None = all_.memory.get(_only)
    if known is not None and _is_there(port, known[1]):
        return known[0]
    candidates = entries(all_.path)
    if len(candidates) != 1:
        return ""
    with suppress(Absent):
        all_.memory[_only] = candidates[0], port.open(str(folder(port, candidates[0])))
    return candidates[0]


def _is_there(port: Port, interface: Folder) -> bool:
    try:
        return port.open(interface.path) is interface
    except ReadingError:
        return False


def folder(port: Port, netdev: str) -> Path:
    """Return the interface's folder; a bond's stands in no device's own."""
    return _interface(port.folder, netdev)


@lru_cache(maxsize=4096)
def _interface(device: Path, netdev: str) -> Path:
    return device.parents[1] / "net" / netdev


def _is_of(port: Port, netdev: Path) -> bool:
    """Whether an interface, or one that a bond is made of, is the port's own device's."""
    device = port.folder / "device"
    try:
        # An interface stays its device's; of a bond it may be one today and not tomorrow.
        is_own = port.open(str(netdev)).once(
            port.within, lambda: _is_same(netdev / "device", device)
        )
        lower = [] if is_own else [one for one in entries(netdev) if one.startswith(_LOWER)]
    except ReadingError:
        is_own, lower = False, []
    return (
        is_own
        or any(_is_same(netdev / one / "device", device) for one in lower)
        or not device.exists()  # one without a bus, as a software one: its word is all there is
    )


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False
