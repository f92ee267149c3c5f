"""What keeps the program's processes small: memory that a fork shares stays shared.

A page is shared until someone writes on it, and CPython writes everywhere: its collector marks each
object it looks at, and what is allocated next goes into the holes that earlier objects left. So,
before a fork, what there is is taken from the collector, and the holes are filled. It also counts
the references of each object, in the object; CPython 3.12 and newer can be told not to.
"""

import ctypes
import gc
from collections.abc import Callable
from types import CodeType, FrameType

_POOL = 1 << 14
"""Bytes in which CPython keeps small objects of one size together."""
_HEADER = 48
_ALIGNMENT = 16
_SMALL = 512
"""Bytes beyond which an object is the C library's to place."""

_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
_LARGE = 1 << 16

_filling: list[object] = []


def settle() -> None:
    """Set aside what there is, so that neither the collector nor new objects write on its pages.

    Call before a fork. What was set aside is never looked through again.
    """
    gc.collect()
    _count_no_more()
    for size in range(_ALIGNMENT, _SMALL + 1, _ALIGNMENT):
        _fill(size)
    gc.freeze()


def _count_no_more() -> None:
    """Mark what there is as immortal: from now on the interpreter counts no references of it.

    CPython has such objects since 3.12 (PEP 683), for the sake of forks too, but no call that makes
    one. Their mark is their count: what there is gets that of None. Nothing is taken on trust: an
    interpreter that still counts, or counts elsewhere, is seen to and left alone.
    """
    mark = _count(None).value
    if not _marks(mark):
        return
    for tracked in gc.get_objects():
        pending = [tracked]
        while pending:
            one = pending.pop()
            count = _count(one)
            if count.value != mark and type(one) is not FrameType:
                count.value = mark
                pending.extend(gc.get_referents(one))
                if type(one) is CodeType:  # the collector does not know what these refer to
                    pending.append(one.co_consts)


def _count(one: object) -> ctypes.c_uint32:
    """Return the field in which CPython counts an object's references, as it is in memory."""
    return ctypes.c_uint32.from_address(id(one))


def _marks(mark: int) -> bool:
    """Whether references are counted where they are looked for, and not of an object so marked."""
    one = object()
    count = _count(one)
    before = count.value
    held = [one]
    counted = count.value == before + 1
    if counted:
        count.value = mark
        held.append(one)
        counted = count.value == mark
        count.value = before + len(held)
    return counted


def _fill(size: int) -> None:
    """Fill the holes between objects of a size: until a pool was had that had none in it."""
    make, pool, run = _maker(size), 0, list[object]()
    enough = (_POOL - _HEADER) // size * 3 // 4
    while len(run) < enough:
        made = make()
        if id(made) // _POOL != pool:
            _filling.extend(run)
            run, pool = [], id(made) // _POOL
        run.append(made)


def _maker(size: int) -> Callable[[], object]:
    """Return what makes an object of so many bytes, of which the collector knows nothing."""
    if size == object.__basicsize__:
        return object
    if size == complex.__basicsize__:
        return lambda: complex(size, size)
    return lambda: bytes(size - bytes.__basicsize__)


def let_go() -> None:
    """Have CPython give back the tuples that it keeps for later: up to 2,000 of each length.

    One that is made of a generator is none of those kept, and is kept once it is gone: each cycle
    adds some, up to 1.5 MiB in a GPU's worker. Only a full collection lets them go, and a process
    that leaves no circles of references behind never comes to one by itself.
    """
    gc.collect()


def give_back_early() -> None:
    """Have the C library keep one heap for all threads, and return what is large at once.

    By itself it gives each thread a heap of its own, and keeps in it what is large once a few large
    ones came and went: expositions, for one.
    """
    mallopt = ctypes.CDLL(None).mallopt
    mallopt(_M_ARENA_MAX, 1)
    mallopt(_M_MMAP_THRESHOLD, _LARGE)
