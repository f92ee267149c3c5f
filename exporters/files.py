"""Reads the small text files of sysfs and procfs."""

import errno
import os
from pathlib import Path

from exporters.errors import Absent, Unreadable

LIMIT = 64 * 1024
"""Bytes of a file that are read; sysfs gives one page a file."""

_ABSENT = frozenset(
    {
        errno.ENOENT, errno.ENOTDIR, errno.ENODEV, errno.ENXIO,
        # Drivers answer so for an attribute that this device does not support.
        errno.EINVAL, errno.EOPNOTSUPP,
    }
)  # fmt: skip


def read(path: str | Path, limit: int = LIMIT) -> str:
    """Return a file's text, stripped; bytes that are no UTF-8 become U+FFFD.

    Absent where there is no such file, or its device vanished while it was read, or the driver
    does not support it; Unreadable, naming the path, for every other error.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return _all(descriptor, limit).strip().decode("utf-8", "replace")
        finally:
            os.close(descriptor)
    except OSError as error:
        raise meaning(error, path) from None


def _all(descriptor: int, limit: int) -> bytes:
    chunks = []
    while limit > 0 and (chunk := os.read(descriptor, limit)):
        chunks.append(chunk)
        limit -= len(chunk)
    return b"".join(chunks)


def entries(folder: str | Path) -> list[str]:
    """Return the names in a folder, sorted; Absent and Unreadable as for `read`."""
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 - names, not paths, are wanted
    except OSError as error:
        raise meaning(error, folder) from None


def meaning(error: OSError, path: str | Path) -> Absent | Unreadable:
    """Return what an error says of a path: that there is nothing, or that it cannot be read."""
    kind = Absent if error.errno in _ABSENT else Unreadable
    return kind(f"{path}: {error.strerror}")
