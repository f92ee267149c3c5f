"""Private directories that leave nothing behind, even when their owner is killed.

Each holds a lock file that its owner keeps locked for life. The kernel drops the lock with the
owner, so whoever makes the next directory can tell the orphans and removes them.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LOCK = ".lock"


@contextmanager
def private_directory(prefix: str) -> Iterator[Path]:
    """Make a directory that only this user can read; it is removed at the end, or as an orphan."""
    root = _root()
    with _locked(root / _LOCK):
        _sweep(root)
        made = Path(tempfile.mkdtemp(prefix=f"{prefix}-", dir=root))
        lock = _open(made / _LOCK)
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
        os.close(lock)


def _root() -> Path:
    root = Path(tempfile.gettempdir()) / f"railwatch-{os.getuid()}"
    root.mkdir(mode=0o700, exist_ok=True)
    if root.is_symlink() or root.stat().st_uid != os.getuid():
        raise PermissionError(f"{root} is not this user's own directory; remove it")
    return root


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock that keeps a directory from being swept before it is locked itself."""
    lock = _open(path)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _sweep(root: Path) -> None:
    for entry in root.iterdir():
        if entry.is_dir() and _is_orphan(entry):
            shutil.rmtree(entry, ignore_errors=True)


def _is_orphan(directory: Path) -> bool:
    """Whether nobody holds the directory's lock; one that never came to have a lock is orphaned."""
    try:
        lock = _open(directory / _LOCK)
    except FileNotFoundError:  # its owner has removed it since we saw it
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True
