"""Keeps a store as the kube-apiserver says: list, then watch, for ever.

A watch is asked to end by itself after a while and resumed where it stopped, which costs the
server next to nothing; so a connection that died without a word is noticed within that while, and
the store knows how long ago the server last stood behind it.
"""

import logging
import random
import threading
from collections.abc import Callable

from program.watch import Change, Listing, Object, Source, Store
from scheduler_feedback.errors import Gone, KubeError

log = logging.getLogger(__name__)

_LONGEST_PAUSE = 8.0
"""Seconds between attempts while the kube-apiserver does not answer."""


class Watcher:
    """Follows a source into a store until stopped, whatever happens to the server meanwhile."""

    def __init__(
        self,
        source: Source,
        store: Store,
        *,
        stop: threading.Event,
        failed: Callable[[str], None] = lambda _reason: None,
    ) -> None:
        """Prepare; `failed` is told the reason of each failure."""
        self._source = source
        self._store = store
        self._stop = stop
        self._failed = failed
        self._version = ""
        self._failures = 0
        self.error = ""
        """What went wrong last; empty while all is well."""

    def run(self) -> None:
        """Follow until stopped; never raises for what the server does."""
        while not self._stop.is_set():
            try:
                self.step()
            except Gone as error:
                self._version = ""
                self._lost(error)
            except KubeError as error:
                self._lost(error)
                self._stop.wait(self._pause())

    def step(self) -> None:
        """List where that is needed, and watch once."""
        if not self._version:
            listing = self._source.list()
            self._store.replace(listing.objects)
            self._version = listing.version()
            self._well()
        changes = self._source.watch(self._version)
        self._well()
        for change in changes:
            self._take(change)
            if self._stop.is_set():
                return
        self._store.vouch()

    def _take(self, change: Change) -> None:
        if change.kind == "DELETED":
            self._store.drop(change.object)
        elif change.kind in ("ADDED", "MODIFIED"):
            self._store.put(change.object)
        self._version = change.version
        self._store.vouch()

    def _well(self) -> None:
        self._store.vouch()
        if self.error:
            log.info("watch works again", extra={"failures": self._failures})
        self.error = ""
        self._failures = 0

    def _lost(self, error: KubeError) -> None:
        if not self.error and not isinstance(error, Gone):
            log.warning("watch lost", extra={"reason": error.reason, "error": str(error)})
        self._failed(error.reason)
        self._failures += 1
        self.error = f"{error.reason}: {error}"

    def _pause(self) -> float:
        longest = min(_LONGEST_PAUSE, 0.25 * 2.0 ** min(self._failures, 6))
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads replicas, hides nothing


__all__ = ["Change", "Listing", "Object", "Source", "Store", "Watcher"]
