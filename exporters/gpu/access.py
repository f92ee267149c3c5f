"""Why a GPU that the driver has is not ours to read: excluded, or its device node is kept from us.

Only a worker may ask: the driver's files in /proc can wait for a GPU that hangs.
"""

import errno
import os
from pathlib import Path

from exporters.errors import ReadingError
from exporters.files import read

_REFUSED = (errno.EPERM, errno.EACCES, errno.ENOENT, errno.ENODEV, errno.ENXIO)
"""A device cgroup refuses, or the container has no such node."""


def withheld(procfs: str, slot: str, dev: str = "/dev") -> str:
    """Return why the GPU in a slot is kept from us, empty where it is not, or nobody tells."""
    try:
        told = read(Path(procfs) / "driver/nvidia/gpus" / slot / "information")
    except ReadingError:
        return ""
    fields = dict(_field(line) for line in told.splitlines())
    if fields.get("GPU Excluded") == "Yes":
        return "the driver was told to exclude it"
    minor = fields.get("Device Minor", "")
    return _refused(f"{dev}/nvidia{minor}") if minor.isdecimal() else ""


def _field(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip(), value.strip()


def _refused(node: str) -> str:
    try:
        os.close(os.open(node, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return f"{node}: {error.strerror}" if error.errno in _REFUSED else ""
    return ""
