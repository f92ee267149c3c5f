"""Keeps a store as the kube-apiserver says: list, then watch, for ever.

A watch is asked to end by itself after a while and resumed where it stopped, which costs the
server next to nothing; so a connection that died without a word is noticed within that while, and
the store knows how long ago the server last stood behind it. The Kubernetes client stays with its
program, which says how a collection is listed and watched, and what that may raise.
"""

import logging
import random
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

log = logging.getLogger(__name__)

_LONGEST_PAUSE = 8.0
"""Seconds between attempts while the kube-apiserver does not answer."""

_DOUBT = 5
"""Failures in a row after which the state is listed anew: the server's own may be another one now,
restored from an older copy, and would answer a version of before with a time-out for ever."""

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A complete list, read as it is iterated; `version` is known once it was."""

    objects: Iterable[Object]
    version: Callable[[], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One event of a watch: ADDED, MODIFIED, DELETED or BOOKMARK."""

    kind: str
    object: Object

    @property
    def version(self) -> str:
        """The resource version to resume after this change."""
        return str(self.object["metadata"]["resourceVersion"])


class Source(Protocol):
    """One collection of the kube-apiserver."""

    def list(self) -> Listing:
        """Begin a list; the program's failure, also while it is read."""

    def watch(self, version: str) -> Iterator[Change]:
        """Open a watch that ends by itself; `gone` where the version is too old."""


class Store(Protocol):
    """What is kept up to date."""

    def replace(self, objects: Iterable[Object], /) -> None:
        """Take a complete list."""

    def put(self, item: Object, /) -> None:
        """Take one that was added or modified."""

    def drop(self, item: Object, /) -> None:
        """Take one that was deleted."""

    def vouch(self) -> None:
        """Note that the server stands behind the state now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Errors:
    """What listing and watching raises."""

    gone: type[Exception]
    """The version is too old: list again; a kind of `failure`."""
    failure: type[Exception]
    """Any way in which the request was not done."""


class Watcher:
    """Follows a source into a store until stopped, whatever happens to the server meanwhile."""

    def __init__(
        self,
        source: Source,
        store: Store,
        errors: Errors,
        *,
        stop: threading.Event,
        failed: Callable[[Exception], None] = lambda _error: None,
    ) -> None:
        """Prepare, nothing is asked yet; `failed` is told of each failure."""
        self._source = source
        self._store = store
        self._errors = errors
        self._stop = stop
        self._failed = failed
        self._version = ""
        self._failures = 0
        self.failure: Exception | None = None
        """What went wrong last; None while all is well."""

    def run(self) -> None:
        """Follow until stopped; never raises for what the server does."""
        while not self._stop.is_set():
            try:
                self.step()
            except self._errors.gone as error:
                self._version = ""
                log.info("watch begins anew", extra={"error": str(error)})
                self._failed(error)
                self._rest()
            except self._errors.failure as error:
                self._lost(error)
                self._rest()
                if self._failures >= _DOUBT:
                    self._version = ""

    def step(self) -> None:
        """List where that is needed, and watch once."""
        if not self._version:
            listing = self._source.list()
            self._store.replace(listing.objects)
            self._version = listing.version()
        changes = self._source.watch(self._version)
        self._well()
        for change in changes:
            self._take(change)
            if self._stop.is_set():
                return
        self._store.vouch()
        self._failures = 0

    def _take(self, change: Change) -> None:
        if change.kind == "DELETED":
            self._store.drop(change.object)
        elif change.kind in ("ADDED", "MODIFIED"):
            self._store.put(change.object)
        self._version = change.version
        self._store.vouch()

    def _well(self) -> None:
        """Take note that the server answers; the store is the server's state up to now."""
        self._store.vouch()
        if self.failure is not None:
            log.info("watch works again", extra={"failures": self._failures})
        self.failure = None

    def _lost(self, error: Exception) -> None:
        if self.failure is None:
            log.warning("watch lost", extra={"error": str(error)})
        self.failure = error
        self._failed(error)

    def _rest(self) -> None:
        """Wait before the next attempt, the longer the more have failed in a row."""
        longest = min(_LONGEST_PAUSE, 0.25 * 2.0 ** min(self._failures, 6))
        self._failures += 1
        self._stop.wait(longest * random.uniform(0.5, 1.0))  # noqa: S311 - spreads replicas, hides nothing
