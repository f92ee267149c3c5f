"""The configuration in use: the file as it is now, or as it was before it became wrong."""

import os
import time

from exporters.uplink.config import Config, ConfigError, read_config

Mark = tuple[int, int, int]


class Watched:
    """The file, read again when it has become another."""

    def __init__(self, path: str, interval: float) -> None:
        """Read it; ConfigError where that fails, as there is nothing else to use."""
        self._path = path
        self._interval = interval
        self._mark = _mark(path)
        self.problem = ""
        """Why the file as it is now is not in use."""
        self.config = read_config(path, interval)
        self.loaded = time.time()

    def look(self) -> Config:
        """Return the configuration in use, after a look at the file."""
        mark = _mark(self._path)
        if mark != self._mark:
            self._mark = mark
            self._read()
        return self.config

    def _read(self) -> None:
        try:
            self.config = read_config(self._path, self._interval)
        except ConfigError as error:
            self.problem = str(error)
        else:
            self.problem, self.loaded = "", time.time()


def _mark(path: str) -> Mark | None:
    """Return what tells a file from what it was before; None where there is none.

    Kubernetes changes a ConfigMap's file by leading the same name to another inode.
    """
    try:
        found = os.stat(path)  # noqa: PTH116 - three of its numbers, no path, are wanted
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
