"""Writing attributes so that a reader sees the old value or the new one, never half of one."""

import errno
import os
from pathlib import Path

_ANSWERS = {
    errno.EIO: Path("/proc/self/mem"),  # its first byte is never mapped
    errno.EINVAL: Path("/sys/class/net/lo/speed"),  # a loopback has none
}
"""Regular files that anyone can open, and whose reading ends in just this error."""


class Root:
    """A directory of attributes; new contents are made beside it and renamed into it."""

    def __init__(self, path: Path, beside: Path) -> None:
        """Take the root and a directory on the same file system that no reader looks into."""
        self.path = path
        self.beside = beside / f"new-{os.getpid()}"

    def write(self, name: str | Path, text: str) -> None:
        """Give an attribute its content and the newline that the kernel ends it with."""
        self.write_bytes(name, f"{text}\n".encode("ascii"))

    def write_bytes(self, name: str | Path, content: bytes) -> None:
        """Give an attribute just this content."""
        self.beside.unlink(missing_ok=True)
        self.beside.write_bytes(content)
        self._put(name)

    def link(self, name: str | Path, target: str | Path) -> None:
        """Make a relative link between two paths under the root.

        As the kernel's, it always ends in the target's own name, also where that lies above.
        """
        at, to = self._parent(name), self.path / target
        self.beside.unlink(missing_ok=True)
        self.beside.symlink_to(Path(os.path.relpath(to.parent, at.parent)) / to.name)
        self._put(name)

    def make_unreadable(self, name: str | Path, error: int) -> None:
        """Let an attribute answer each read with an error, for root too."""
        self.beside.unlink(missing_ok=True)
        self.beside.symlink_to(_ANSWERS[error])
        self._put(name)

    def read(self, name: str | Path) -> str:
        """Return an attribute without its newline."""
        return (self.path / name).read_text(encoding="ascii").removesuffix("\n")

    def _put(self, name: str | Path) -> None:
        self.beside.replace(self._parent(name))

    def _parent(self, name: str | Path) -> Path:
        at = self.path / name
        at.parent.mkdir(parents=True, exist_ok=True)
        return at
