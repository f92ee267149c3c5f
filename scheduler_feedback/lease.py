"""Leader election by a Lease: at most one replica drains, and a paused one knows it no longer may.

Times written by others are never compared with our clock: a Lease is free once we have seen it
unchanged for its whole duration. Our own leadership ends, by our clock, well before others may
take it: after two thirds of the duration since the last renewal was *sent*.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol, Self

from scheduler_feedback.errors import Conflict, KubeError

log = logging.getLogger(__name__)

_HELD = 2 / 3
_RETRIES = 5
"""Attempts within the Lease's duration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A coordination.k8s.io/v1 Lease; times as the wire has them."""

    holder: str
    seconds: int
    acquired: str
    renewed: str
    transitions: int = 0
    version: str = ""
    """The resource version read; empty for one that is to be created."""

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Self:
        """Return the Lease that a Lease object describes."""
        spec = document.get("spec") or {}
        return cls(
            holder=spec.get("holderIdentity") or "",
            seconds=int(spec.get("leaseDurationSeconds") or 0),
            acquired=spec.get("acquireTime") or "",
            renewed=spec.get("renewTime") or "",
            transitions=int(spec.get("leaseTransitions") or 0),
            version=document["metadata"]["resourceVersion"],
        )

    def dump(self, namespace: str, name: str) -> dict[str, Any]:
        """Return the Lease object."""
        metadata = {"name": name, "namespace": namespace}
        if self.version:
            metadata["resourceVersion"] = self.version
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": metadata,
            "spec": {
                "holderIdentity": self.holder,
                "leaseDurationSeconds": self.seconds,
                "acquireTime": self.acquired or None,
                "renewTime": self.renewed or None,
                "leaseTransitions": self.transitions,
            },
        }


class Leases(Protocol):
    """Where Leases are kept."""

    def read_lease(self, namespace: str, name: str) -> Lease | None:
        """Return a Lease, None where there is none."""

    def write_lease(self, namespace: str, name: str, lease: Lease) -> Lease:
        """Create or replace; Conflict where someone else was first."""


class Elector:
    """Takes the Lease when it is free, renews it, and says whether it is surely ours."""

    def __init__(  # noqa: PLR0913 - what an election is, all by keyword
        self,
        leases: Leases,
        *,
        namespace: str,
        name: str,
        identity: str,
        duration: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; nothing is asked yet."""
        self._leases = leases
        self._where = (namespace, name)
        self._identity = identity
        self._duration = duration
        self._clock = clock
        self._seen: Lease | None = None
        self._seen_at = 0.0
        self._until = float("-inf")
        self._lost = False

    @property
    def leading(self) -> bool:
        """Whether the Lease is ours beyond doubt at this moment."""
        return self._clock() < self._until

    def run(self, stop: threading.Event) -> None:
        """Take part until stopped; never raises for what the server does."""
        while not stop.is_set():
            was = self.leading
            self.attempt()
            if self.leading != was:
                log.info("drainer leads" if self.leading else "drainer follows")
            stop.wait(self._duration / _RETRIES)

    def attempt(self) -> None:
        """Try once to take or renew the Lease; a failure is logged when it begins."""
        began = self._clock()
        try:
            taken = self._take(began)
        except Conflict:
            taken = False
        except KubeError as error:
            if not self._lost:
                log.warning("lease unreadable", extra={"reason": error.reason, "error": str(error)})
            self._lost = True
            return
        self._lost = False
        self._until = began + self._duration * _HELD if taken else float("-inf")

    def release(self) -> None:
        """Give the Lease up at once, so that another replica need not wait; best effort."""
        seen, held = self._seen, self.leading
        self._until = float("-inf")
        if held and seen is not None:
            try:
                self._leases.write_lease(*self._where, replace(seen, holder="", seconds=1))
            except KubeError as error:
                log.info("lease not given up", extra={"error": str(error)})

    def _take(self, now: float) -> bool:
        found = self._leases.read_lease(*self._where)
        if found != self._seen:
            self._seen, self._seen_at = found, now
        if found is not None and not self._free(found, now):
            return False
        self._seen = self._leases.write_lease(*self._where, self._renewed(found))
        self._seen_at = now
        return True

    def _free(self, lease: Lease, now: float) -> bool:
        return lease.holder in ("", self._identity) or now - self._seen_at > lease.seconds

    def _renewed(self, found: Lease | None) -> Lease:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        ours = found is not None and found.holder == self._identity
        before = found.transitions if found else 0
        return Lease(
            holder=self._identity,
            seconds=max(1, round(self._duration)),
            acquired=found.acquired if found and ours else now,
            renewed=now,
            transitions=before if ours or found is None else before + 1,
            version=found.version if found else "",
        )
