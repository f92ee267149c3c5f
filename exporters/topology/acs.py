"""Access control services: whether a bridge sends traffic between its devices up to the root.

Where it does, a GPU and a NIC below one switch reach each other no faster than through the CPU.
Read from the configuration space, of which only a privileged process sees more than 64 bytes.
"""

import os
import struct
from pathlib import Path

_FIRST = 0x100
_WHOLE = 4096
_ACS = 0x0D
_CONTROL = 6
_REDIRECTS = 0b1100
"""P2P request redirect and completion redirect (PCIe base specification, 7.7.11)."""


def redirects(config: Path) -> bool | None:
    """Return whether a bridge's ACS redirects; None where that cannot be read.

    A bridge without the capability redirects nothing.
    """
    try:
        descriptor = os.open(config, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        space = os.read(descriptor, _WHOLE)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return _redirects(space)


def _redirects(space: bytes) -> bool | None:
    if len(space) < _WHOLE:
        return None
    at, seen = _FIRST, set[int]()
    while at >= _FIRST and at not in seen:
        seen.add(at)
        (header,) = struct.unpack_from("<I", space, at)
        if header & 0xFFFF == _ACS:
            (control,) = struct.unpack_from("<H", space, min(at + _CONTROL, _WHOLE - 2))
            return bool(control & _REDIRECTS)
        at = header >> 20 & ~3
    return False
