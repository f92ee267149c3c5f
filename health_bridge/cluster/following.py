"""A collection of the kube-apiserver, followed in a thread, and how long ago it was vouched for."""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from health_bridge.cluster.errors import Gone, KubeError, Unreachable
from program.watch import Errors, Object, Source, Watcher

_POLL = 0.02
"""Seconds between looks for the first list."""

_ERRORS = Errors(gone=Gone, failure=KubeError)


class Kept(Protocol):
    """What is kept of the collection's objects."""

    def replace(self, objects: Iterable[Object], /) -> None:
        """Take a complete list."""

    def put(self, item: Object, /) -> None:
        """Take one that was added or modified."""

    def drop(self, item: Object, /) -> None:
        """Take one that was deleted."""


class Following:
    """Keeps what a source says, until stopped."""

    def __init__(
        self,
        source: Source,
        kept: Kept,
        what: str,
        *,
        stale_after: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; what the server said counts for `stale_after` seconds after it last did."""
        self.replace, self.put, self.drop = kept.replace, kept.put, kept.drop
        self._what = what
        self._stale_after = stale_after
        self._clock = clock
        self._vouched: float | None = None
        self._stopping = threading.Event()
        self.watcher = Watcher(source, self, _ERRORS, stop=self._stopping)

    def vouch(self) -> None:
        """Take note that the kube-apiserver stands behind what is kept now."""
        self._vouched = self._clock()

    def start(self) -> None:
        """Begin, in a thread that keeps no program from ending."""
        threading.Thread(target=self.watcher.run, name="watch", daemon=True).start()

    def stop(self) -> None:
        """Follow no further than the watch that is open now."""
        self._stopping.set()

    def check(self) -> None:
        """Return once the first list is in; KubeError where nobody vouches for what is kept now."""
        deadline = self._clock() + self._stale_after
        while self._vouched is None and self.watcher.failure is None:
            if self._clock() > deadline:
                break
            time.sleep(_POLL)
        failure, vouched = self.watcher.failure, self._vouched
        if isinstance(failure, KubeError):
            raise failure
        age = None if vouched is None else self._clock() - vouched
        if age is None or age > self._stale_after:
            silent = "has not been answered" if age is None else f"is silent for {age:.0f} s"
            raise Unreachable(f"GET {self._what}: the watch {silent}")
