"""Leader election by a Lease: at most one replica acts, and a paused one knows it no longer may.

Times written by others are never compared with our clock: a Lease is free once we have seen it
unchanged for its whole duration. Our own leadership ends, by our clock, well before others may
take it: after two thirds of the duration since the last renewal was *sent*. The Kubernetes client
stays with its program, which says how a Lease is read and written, and what that may raise.
"""

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol, Self

log = logging.getLogger(__name__)

_HELD = 2 / 3
_RETRIES = 5
"""Attempts within the Lease's duration."""


def identity() -> str:
    """Return a name for this replica that no other has, and no earlier run of it had."""
    return f"{socket.gethostname()}_{os.getpid()}_{uuid.uuid4().hex[:8]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A coordination.k8s.io/v1 Lease: times as the wire has them, `seconds` whole as there."""

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
        """Create one that has no version, else replace just that version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Errors:
    """What reading and writing a Lease raises."""

    conflict: type[Exception]
    """Someone else was first; a kind of `failure`."""
    failure: type[Exception]
    """Any way in which the request was not done."""


class Elector:
    """Takes the Lease when it is free, renews it, and says whether it is surely ours."""

    def __init__(  # noqa: PLR0913 - what an election is, all by keyword
        self,
        leases: Leases,
        errors: Errors,
        *,
        namespace: str,
        name: str,
        identity: str,
        duration: float,
        on_lead: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; nothing is asked yet. `on_lead` is called each time the election is won."""
        self._leases = leases
        self._errors = errors
        self._where = (namespace, name)
        self._identity = identity
        self._duration = duration
        self._on_lead = on_lead
        self._clock = clock
        self._seen: Lease | None = None
        self._seen_at = 0.0
        self._until = float("-inf")
        self._error: str | None = "not asked yet"

    @property
    def leading(self) -> bool:
        """Whether the Lease is ours beyond doubt at this moment."""
        return self._clock() < self._until

    @property
    def holder(self) -> str:
        """Who held the Lease when it was last read."""
        return self._seen.holder if self._seen else ""

    @property
    def error(self) -> str | None:
        """Why the Lease could not be read or written the last time, None where it could."""
        return self._error

    def run(self, stop: threading.Event) -> None:
        """Take part until stopped; never raises for what the server does."""
        while not stop.is_set():
            self.attempt()
            stop.wait(self._duration / _RETRIES)

    def attempt(self) -> None:
        """Try once to take or renew the Lease; a failure is logged when it begins and ends."""
        led, began = self.leading, self._clock()
        try:
            taken = self._take(began)
        except self._errors.conflict:
            taken = False
        except self._errors.failure as error:
            self._failed(str(error))
            return
        self._until = began + self._duration * _HELD if taken else float("-inf")
        self._failed(None)
        if self.leading != led:
            log.info("leading" if taken else "standing by", extra={"holder": self.holder})
            if taken:
                self._on_lead()

    def release(self) -> None:
        """Give the Lease up at once, so that another replica need not wait; best effort."""
        seen, held = self._seen, self.leading
        self._until = float("-inf")
        if held and seen is not None:
            try:
                self._leases.write_lease(*self._where, replace(seen, holder="", seconds=1))
            except self._errors.failure as error:
                log.warning("lease not given up", extra={"error": str(error)})

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

    def _failed(self, error: str | None) -> None:
        if error is not None and error != self._error:
            log.warning("lease not reachable", extra={"error": error})
        self._error = error
