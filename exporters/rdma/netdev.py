"""The network interface that belongs to an RDMA port."""

import re
from pathlib import Path

from exporters.errors import ReadingError
from exporters.files import entries, read
from exporters.rdma.sysfs import Port

_NAME = re.compile(r"[^/\s\0.][^/\s\0]{0,14}")


def name(port: Port) -> str:
    """Return the interface's name: as the port's GID says, else the device's only one, else ""."""
    try:
        told = read(port.path("gid_attrs/ndevs/0"))
    except ReadingError:  # EINVAL on InfiniBand, whose GIDs have no interface
        told = ""
    if _NAME.fullmatch(told):
        return told
    try:
        candidates = entries(port.folder / "device" / "net")
    except ReadingError:
        return ""
    return candidates[0] if len(candidates) == 1 else ""


def folder(port: Port, netdev: str) -> Path:
    """Return the interface's folder; a bond's stands in no device's own."""
    return port.folder.parents[1] / "net" / netdev
