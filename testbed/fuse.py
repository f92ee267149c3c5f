"""Files that never open: who tries is in true uninterruptible sleep.

It speaks the kernel's own protocol (include/uapi/linux/fuse.h). A look-up of a file that is held is
taken and kept; all else is answered at once, with an error. A process whose request was taken
cannot be killed until it is answered, which is what a driver that waits for dead hardware does to
its callers.
"""

import contextlib
import errno
import os
import select
import socket
import struct
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from testbed.packages import command

_SOURCE = "railwatch-stuck-"
"""Then the process that answers for the mount; one whose process is gone is an orphan."""

_IN = struct.Struct("=IIQQIIII")
"""fuse_in_header: length, operation, number, node, uid, gid, pid, lengths."""
_OUT = struct.Struct("=IiQ")
"""fuse_out_header: length, error below zero, number."""
_INIT = struct.Struct("=IIIIHHIIHHII24x")
"""fuse_init_out: major, minor, readahead, flags, background, congestion, write, times, pages, …"""

_OP_LOOKUP, _OP_FORGET, _OP_INIT, _OP_INTERRUPT, _OP_BATCH_FORGET = 1, 2, 26, 36, 42
_UNANSWERED = (_OP_FORGET, _OP_INTERRUPT, _OP_BATCH_FORGET)
_MAJOR, _MINOR = 7, 31
_LARGEST = 1 << 17


class StuckMount:
    """The mount, while it is open; opening a file that is held does not return until `release`."""

    def __init__(self, path: Path) -> None:
        """Take the directory to mount on; it is made."""
        self.path = path
        self._device = -1
        self._kept: dict[str, list[int]] = {}
        """The requests that wait, by the file that is held."""
        self._lock = threading.Lock()
        self._stop, self._stopped = os.pipe()
        self._thread = threading.Thread(target=self._serve, name="stuck", daemon=True)

    def open(self) -> Self:
        """Mount it."""
        _sweep()
        self.path.mkdir()
        self._device = _mount(self.path)
        self._thread.start()
        return self

    def close(self) -> None:
        """Let go of everyone and unmount."""
        _unmount(self.path)
        os.close(self._stopped)
        self._thread.join()
        os.close(self._stop)
        # The last to hold the device ends the connection, and with it every wait.
        os.close(self._device)
        self.path.rmdir()

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def waiting(self) -> int:
        """How many requests are kept."""
        with self._lock:
            return sum(map(len, self._kept.values()))

    def hold(self, name: str) -> None:
        """From now on, who opens the file waits."""
        with self._lock:
            self._kept.setdefault(name, [])

    def release(self, name: str) -> None:
        """Answer with an error: who waits goes on, or dies where it was killed; no other waits."""
        with self._lock:
            kept = self._kept.pop(name, [])
        for number in kept:
            self._answer(number, error=errno.ENOENT)

    def _serve(self) -> None:
        either = select.poll()  # select() knows no descriptor beyond 1023
        for descriptor in (self._device, self._stop):
            either.register(descriptor, select.POLLIN)
        while True:
            if any(ready == self._stop for ready, _ in either.poll()):
                return
            try:
                request = os.read(self._device, _LARGEST)
            except OSError as error:
                if error.errno in (errno.EINTR, errno.EAGAIN, errno.ENOENT):
                    continue
                return  # ENODEV: unmounted
            self._take(request)

    def _take(self, request: bytes) -> None:
        _, operation, number, *_ = _IN.unpack_from(request)
        if operation == _OP_INIT:
            told = _INIT.pack(_MAJOR, _MINOR, 0, 0, 16, 12, 4096, 1, 0, 0, 0, 0)
            self._answer(number, told)
        elif operation == _OP_LOOKUP and self._keep(request[_IN.size :], number):
            return
        elif operation not in _UNANSWERED:
            self._answer(number, error=errno.ENOENT)

    def _keep(self, name: bytes, number: int) -> bool:
        with self._lock:
            kept = self._kept.get(name.rstrip(b"\0").decode())
            if kept is None:
                return False
            kept.append(number)
            return True

    def _answer(self, number: int, told: bytes = b"", *, error: int = 0) -> None:
        with contextlib.suppress(OSError):  # who asked is gone
            os.write(self._device, _OUT.pack(_OUT.size + len(told), -error, number) + told)


def _mount(path: Path) -> int:
    """Mount, as root or not, and return the device that requests come from."""
    near, far = socket.socketpair()
    with near, far:
        environment = {**os.environ, "_FUSE_COMMFD": str(far.fileno())}
        options = f"fsname={_SOURCE}{os.getpid()},nosuid,nodev"
        subprocess.run(
            [_fusermount(), "-o", options, "--", str(path)],
            env=environment,
            pass_fds=[far.fileno()],
            check=True,
        )
        _, descriptors, _, _ = socket.recv_fds(near, 1, 1, socket.MSG_CMSG_CLOEXEC)
    return descriptors[0]


def _unmount(path: Path) -> None:
    subprocess.run([_fusermount(), "-u", "-z", "-q", "--", str(path)], check=False)


def _fusermount() -> str:
    found = command("fusermount3")
    if found is None:
        raise FileNotFoundError("fusermount3: install the package fuse3")
    return found


def _sweep() -> None:
    """Unmount what processes left behind that were killed."""
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        source, place, *_ = line.split(" ")
        owner = source.removeprefix(_SOURCE)
        if owner != source and not Path(f"/proc/{owner}").exists():
            _unmount(Path(place))
