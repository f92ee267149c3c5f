"""Why a GPU that the driver has is not ours to read: excluded, or its device node is kept from us.

Only a worker may ask: the driver's files in /proc can wait for a GPU that hangs.
"""

import errno
import os
from pathlib import Path

from exporters.errors import Absent, ReadingError
from exporters.files import entries, read

_REFUSED = (errno.EPERM, errno.EACCES, errno.ENOENT, errno.ENODEV, errno.ENXIO)
"""A device cgroup refuses, or the container has no such node."""


def withheld(procfs: str, slot: str, dev: str = "/dev", *, bound: bool = False) -> str:
    """Return why the GPU in a slot is kept from us, empty where it is not, or nobody tells.

    `bound` is whether the bus shows that NVIDIA's driver has it.
    """
    gpus = Path(procfs) / "driver/nvidia/gpus"
    try:
        told = read(gpus / slot / "information")
    except Absent:
        return _hidden(gpus, slot) if bound else ""
    except ReadingError:
        return ""
    fields = dict(_field(line) for line in told.splitlines())
    if fields.get("GPU Excluded") == "Yes":
        return "the driver was told to exclude it"
    minor = fields.get("Device Minor", "")
    return _refused(f"{dev}/nvidia{minor}") if minor.isdecimal() else ""


def _hidden(gpus: Path, slot: str) -> str:
    """Return why a GPU that the driver has, and whose folder is not there, is kept from us.

    The driver makes a folder for each function that it is bound to. Where others are there and this
    one is not, NVIDIA's container runtime has put its own in their place: of the GPUs that this
    container was given.
    """
    try:
        others = set(entries(gpus)) - {slot}
    except ReadingError:
        return ""
    return "this container was given other GPUs (NVIDIA_VISIBLE_DEVICES)" if others else ""


def _field(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip(), value.strip()


def _refused(node: str) -> str:
    try:
        os.close(os.open(node, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return f"{node}: {error.strerror}" if error.errno in _REFUSED else ""
    return ""
