"""A file system asked for its space, by a thread that may be left waiting for it."""

import os
import threading
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """Of the file system that a path is on, in bytes."""

    size: int
    free: int
    available: int
    device: int
    """The number of its device, as stat has it."""


class Asker:
    """Asks for one path; a mount that never answers keeps one thread, never two."""

    def __init__(self, path: str) -> None:
        """Take the path; nothing is asked yet."""
        self.path = path
        self._thread: threading.Thread | None = None
        self._answer: Space | OSError | None = None

    def begin(self) -> bool:
        """Ask, and say so; not where the last question still waits for its answer."""
        if self._thread is not None and self._thread.is_alive():
            return False
        self._answer = None
        self._thread = threading.Thread(target=self._ask, name="statvfs", daemon=True)
        self._thread.start()
        return True

    def _ask(self) -> None:
        try:
            found, device = os.statvfs(self.path), os.stat(self.path).st_dev  # noqa: PTH116 - beside statvfs, which no Path has
        except OSError as error:
            self._answer = error
            return
        self._answer = Space(
            size=found.f_blocks * found.f_frsize,
            free=found.f_bfree * found.f_frsize,
            available=found.f_bavail * found.f_frsize,
            device=device,
        )

    def wait(self, seconds: float) -> Space | OSError | None:
        """Return the answer, None where there is none within these seconds."""
        if self._thread is None:
            return None
        self._thread.join(max(0.0, seconds))
        return self._answer
