"""Keeps what requests free for the requests that follow.

A request over 5,000 names takes half a megabyte and gives it back. glibc hands such amounts to the
kernel at once, and the next request pays for every page of it anew: an eighth of its time.
"""

import ctypes
from typing import Final

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
"""Of glibc's malloc.h; from 32 MiB on it takes no larger one."""


def keep_freed(amount: int = 16 << 20) -> bool:
    """Have so many freed bytes kept at most; False where the C library has no say in it (musl)."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:
        return False
    return bool(mallopt(_M_TRIM_THRESHOLD, amount) and mallopt(_M_MMAP_THRESHOLD, amount))
