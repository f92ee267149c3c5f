"""Which network interfaces carry a default route."""

from pathlib import Path

from exporters.errors import ReadingError
from exporters.files import read

_LIMIT = 1 << 20
_UP = 0x1
_V4_FIELDS, _V6_FIELDS = 8, 10


def default_interfaces(procfs: Path) -> frozenset[str] | None:
    """Return the interfaces of default routes, None where no routing table can be read.

    Read of process 1, as the exporter may stand in a network namespace of its own.
    """
    for process in ("1", "self"):
        folder = procfs / process / "net"
        found = (_v4(folder / "route"), _v6(folder / "ipv6_route"))
        if any(names is not None for names in found):
            return frozenset().union(*(names or () for names in found))
    return None


def _lines(path: Path) -> list[list[str]] | None:
    try:
        return [line.split() for line in read(path, _LIMIT).splitlines()]
    except ReadingError:
        return None


def _v4(path: Path) -> frozenset[str] | None:
    """Return what /proc/net/route says: interface, destination, gateway, flags, … mask seventh."""
    lines = _lines(path)
    if lines is None:
        return None
    return frozenset(
        fields[0]
        for fields in lines
        if len(fields) >= _V4_FIELDS and fields[1] == fields[7] == "00000000" and _is_up(fields[3])
    )


def _v6(path: Path) -> frozenset[str] | None:
    """Return what /proc/net/ipv6_route says: destination, prefix, … flags, interface."""
    lines = _lines(path)
    if lines is None:
        return None
    return frozenset(
        fields[9]
        for fields in lines
        if len(fields) >= _V6_FIELDS
        and fields[0].strip("0") == ""
        and fields[1] == "00"
        and fields[9] != "lo"
        and _is_up(fields[8])
    )


def _is_up(flags: str) -> bool:
    try:
        return bool(int(flags, 16) & _UP)
    except ValueError:
        return False
