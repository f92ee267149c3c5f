"""Folders of sysfs whose files stay open from one cycle to the next.

To open a file costs several times what reading it does; a driver's attribute says its present value
each time it is read from its beginning. Each cycle looks whether the device is still the same one,
and whether a folder of it has changed: if so, its files are opened anew. A change within the last
moments may not show in a time stamp yet, so such a folder keeps none.
"""

import errno
import os
import resource
import stat
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from exporters.files import entries, meaning, read
from exporters.rdma.trace import SHORT, Trace

MOST = 1536
"""Files kept open by a worker, enough for 20 ports of 75; the kernel holds a page for each."""

_PAGE = 4096
"""Bytes: what one file of sysfs holds at most."""

_GONE = frozenset({errno.ENODEV, errno.ENXIO})
"""What an open file says whose device is no more."""

_SURE = 19
"""Digits of a number that is certainly within 64 bits."""

_SPARE = 128
"""Descriptors left for everything else."""

_SETTLED = 1.0
"""Seconds after which a change certainly shows."""

T = TypeVar("T")

Stamp = tuple[int, int, int, int]


def number(said: bytes) -> int | None:
    """Return the plain number that is said, None where it is another thing."""
    digits = said.rstrip(b"\n")
    return int(digits) if digits.isdigit() and len(digits) <= _SURE else None


def _stamp(found: os.stat_result) -> Stamp:
    # Sysfs has no time stamps of changes, but it counts a folder's folders as links to it.
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_nlink


def _opened(path: str, room: "Folders") -> int | None:
    if not room.take():
        return None
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        room.give(1)
        return None


class Folder:
    """One folder as it was when it was last found changed.

    Its files are closed with it, never before: a descriptor stands for one file while it is known.
    """

    def __init__(self, path: str, found: os.stat_result, room: "Folders", *, settled: bool) -> None:
        """Open the folder itself where it is settled and there is room; else it keeps nothing."""
        self.path = path
        self.memory: dict[object, Any] = {}
        """What was worked out from what it holds; gone with it."""
        self._room = room
        self._itself = _opened(path, room) if settled else None
        self.stamp = None if self._itself is None else _stamp(found)
        self._files: dict[str, int] = {}
        self._is_gone = False

    def names(self) -> list[str]:
        """Return the names in it, sorted; errors as for `files.entries`."""
        return self.once("names", lambda: entries(self.path))

    def once(self, key: object, make: Callable[[], T]) -> T:
        """Return what was made for this key since the folder changed, else make it."""
        if key not in self.memory:
            made = make()
            if self.stamp is None:
                return made
            self.memory[key] = made
        found: T = self.memory[key]
        return found

    def read(self, file: str) -> str:
        """Return a file's text, stripped; errors as for `files.read`."""
        descriptor = self._files.get(file)
        if descriptor is None:
            return self._open(file)
        try:
            said = os.pread(descriptor, SHORT, 0)
            if len(said) == SHORT:
                said = os.pread(descriptor, _PAGE, 0)
        except OSError as error:
            self._is_gone = self._is_gone or error.errno in _GONE
            self._room.doubt()
            raise meaning(error, f"{self.path}/{file}") from None
        if (trace := self._room.trace) is not None:
            trace.take(descriptor, said)
        if len(said) == _PAGE:  # more than sysfs gives
            return read(f"{self.path}/{file}")
        return said.strip().decode("utf-8", "replace")

    def said(self, file: str) -> bytes | None:
        """Return what a file that is open says, where that is short; None: read it to know."""
        try:
            said = os.pread(self._files[file], SHORT, 0)
        except (KeyError, OSError):
            return None
        return said if len(said) < SHORT else None

    def descriptors(self, files: Sequence[str]) -> list[int] | None:
        """Return these files, where all are open."""
        try:
            return [self._files[file] for file in files]
        except KeyError:
            return None

    def _open(self, file: str) -> str:
        """Read a file for the first time; keep it open where there is room."""
        path = f"{self.path}/{file}"
        if self.stamp is None or not self._room.take():
            self._room.doubt()
            return read(path)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            self._room.give(1)
            if error.errno != errno.ENOENT:  # which stays so while the folder is unchanged
                self._room.doubt()
            raise meaning(error, path) from None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            self._room.give(1)
            self._room.doubt()
            return read(path)
        self._files[file] = descriptor
        return self.read(file)

    @property
    def unchanged(self) -> bool:
        """Whether it is there, and all that stands in it is what stood in it."""
        if self._itself is None or self._is_gone:
            return False
        now = os.fstat(self._itself)
        return now.st_nlink > 0 and _stamp(now) == self.stamp

    def is_at(self, found: os.stat_result) -> bool:
        """Whether this is what was found at its path."""
        return _stamp(found) == self.stamp

    def close(self) -> None:
        """Close what is open, and forget what was known."""
        itself = [] if self._itself is None else [self._itself]
        self._itself = None
        for descriptor in (*self._files.values(), *itself):
            os.close(descriptor)
            self._room.give(1)
        self._files.clear()
        self.memory.clear()

    def __del__(self) -> None:
        self.close()


class Folders:
    """All folders that a worker reads."""

    def __init__(self, most: int = MOST, clock: Callable[[], float] = time.time) -> None:
        """Begin with none; `most` is how many files may stay open."""
        self.trace: Trace[Folder] | None = None
        """What is looked at is noted here, where anybody wants to know."""
        self._folders: dict[str, Folder] = {}
        self._asked: set[str] = set()
        self._devices: dict[str, tuple[int, int] | None] = {}
        self._left = min(most, _descriptors(most) - _SPARE)
        self._clock = clock

    def sweep(self) -> None:
        """Begin a cycle over all devices: what nobody asked for in the last one is closed."""
        for path in self._folders.keys() - self._asked:
            self._drop(path)
        self._asked.clear()

    def enter(self, device: str) -> None:
        """Begin a cycle at a device: of another one of this name than before nothing is kept."""
        try:
            found = os.stat(device)  # noqa: PTH116 - a Path costs more than the call
            instance = found.st_dev, found.st_ino
        except OSError:
            instance = None
        if instance != self._devices.get(device):
            self._devices[device] = instance
            for path in [p for p in self._folders if p == device or p.startswith(f"{device}/")]:
                self._drop(path)

    def instance(self, device: str) -> int | None:
        """Return which instance of a device this cycle entered, None where it is gone.

        Sysfs never gives the number of an inode twice.
        """
        known = self._devices.get(device)
        return None if known is None else known[1]

    def open(self, path: str) -> Folder:
        """Return a folder of a device as it is now; errors as for `files.entries`."""
        known = self._folders.get(path)
        if known is None or not known.unchanged:
            known = self._anew(path, self._find(path))
        self._asked.add(path)
        return known

    def open_by_name(self, path: str) -> Folder:
        """Return a folder that may be another one of this name than before, as `open` does."""
        found, known = self._find(path), self._folders.get(path)
        if known is None or not (known.unchanged and known.is_at(found)):
            known = self._anew(path, found)
        self._asked.add(path)
        return known

    def _find(self, path: str) -> os.stat_result:
        try:
            return os.stat(path)  # noqa: PTH116 - a Path costs more than the call
        except OSError as error:
            self.doubt()
            raise meaning(error, path) from None

    def _anew(self, path: str, found: os.stat_result) -> Folder:
        self._drop(path)
        settled = found.st_mtime + _SETTLED < self._clock()
        made = self._folders[path] = Folder(path, found, self, settled=settled)
        return made

    def _drop(self, path: str) -> None:
        if (known := self._folders.pop(path, None)) is not None:
            known.close()

    def doubt(self) -> None:
        """Take that what is being read does not depend on kept files alone."""
        if self.trace is not None:
            self.trace.sure = False

    def take(self) -> bool:
        """Take room for one open file; False where there is none."""
        if self._left <= 0:
            return False
        self._left -= 1
        return True

    def give(self, files: int) -> None:
        """Give back room."""
        self._left += files


def _descriptors(wanted: int) -> int:
    """Return how many descriptors this process may have, raised as far as is wanted and allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = wanted + 2 * _SPARE
    if soft != resource.RLIM_INFINITY and soft < enough:
        soft = enough if hard == resource.RLIM_INFINITY else min(enough, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return enough if soft == resource.RLIM_INFINITY else soft
