"""The control file on the side of those who steer: read it, change it, replace it whole."""

import ctypes
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from testbed.nvml.layout import MAGIC, Control


class ControlError(ValueError):
    """The file is no control file of this version of the testbed."""


def read(path: Path) -> Control:
    """Return what the file says now."""
    content = path.read_bytes()
    if len(content) != ctypes.sizeof(Control) or not content.startswith(MAGIC):
        raise ControlError(f"{path}: not the control file of a simulated NVML of this version")
    return Control.from_buffer_copy(content)


def write(path: Path, control: Control) -> None:
    """Replace the file in one step, so that every reader sees the old version or the new one."""
    control.node.magic = MAGIC
    control.node.size = ctypes.sizeof(Control)
    beside = path.with_name(f"{path.name}.new")
    beside.write_bytes(bytes(control))
    beside.replace(path)


@contextmanager
def change(path: Path) -> Iterator[Control]:
    """Yield the file's content and write it back; other processes that steer wait their turn."""
    lock = os.open(
        path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
    )
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        control = read(path)
        yield control
        write(path, control)
    finally:
        os.close(lock)
