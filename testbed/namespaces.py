"""Network namespaces to test in: interfaces, queues and drops that are the kernel's own."""

import ctypes
import os
import subprocess
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

from testbed.processes import ProcessError

T = TypeVar("T")

_CLONE_NEWNET = 0x40000000


class Namespace:
    """One namespace, from `with` to its end; its interfaces end with it. Needs root."""

    def __init__(self) -> None:
        """Choose a name that nobody else has."""
        self.name = f"rw-{uuid.uuid4().hex[:8]}"

    @property
    def path(self) -> str:
        """Where it can be opened."""
        return f"/run/netns/{self.name}"

    def __enter__(self) -> Self:
        _call("ip", "netns", "add", self.name)
        self.ip("link", "set", "lo", "up")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _call("ip", "netns", "del", self.name)

    def command(self, *argv: str) -> list[str]:
        """Return the command that runs another in here."""
        return ["ip", "netns", "exec", self.name, *argv]

    def ip(self, *arguments: str) -> None:
        """Run `ip` in here."""
        _call("ip", "-n", self.name, *arguments)

    def tc(self, *arguments: str) -> str:
        """Run `tc` in here; return what it printed."""
        return _call(*self.command("tc", *arguments))

    def pair(self, name: str, far: str, other: "Namespace | None" = None) -> None:
        """Make a veth pair with one end here and the other here or there, both up."""
        there = other or self
        self.ip("link", "add", "name", name, "type", "veth", "peer", "name", far)
        if there is not self:
            self.ip("link", "set", far, "netns", there.name)
        self.ip("link", "set", name, "up")
        there.ip("link", "set", far, "up")

    def inside(self, function: Callable[[], T]) -> T:
        """Call a function in a thread that is in here.

        What it opens stays in here, and so do the threads that it starts.
        """
        with ThreadPoolExecutor(max_workers=1, initializer=self._enter) as pool:
            return pool.submit(function).result()

    def _enter(self) -> None:
        opened = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.setns(opened, _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f"setns {self.path}")
        finally:
            os.close(opened)


def _call(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ProcessError(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout
