"""Which replica writes: the one that holds the Lease.

Expiry is judged by how long the Lease has not changed on our own monotonic clock, never by
comparing clocks of two machines. The holder stops writing well before others may take over; a
write that still slips through carries the resourceVersion of what it was decided on.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from health_bridge.errors import Conflict, KubeError

_RENEWALS = 5
"""Tries to renew in the life of a Lease."""

_MARGIN = 2 / 3
"""Part of its life after which a holder that could not renew stops writing."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The Lease object; `version` is "" for one that is not there yet."""

    holder: str
    duration: float
    """Seconds it outlives its last renewal."""
    acquired: str
    renewed: str
    transitions: int
    version: str = ""


def claim(
    lease: Lease | None, identity: str, duration: float, unchanged: float, now: str
) -> Lease | None:
    """Return the Lease as `identity` may write it, None while another holds it.

    `unchanged` is for how many seconds we have seen it not change.
    """
    if lease is None:
        return Lease(holder=identity, duration=duration, acquired=now, renewed=now, transitions=0)
    if lease.holder == identity:
        return replace(lease, renewed=now, duration=duration)
    if lease.holder and unchanged <= lease.duration:
        return None
    return replace(
        lease,
        holder=identity,
        duration=duration,
        acquired=now,
        renewed=now,
        transitions=lease.transitions + 1,
    )


class Leases(Protocol):
    """Where the Lease is kept."""

    def lease(self, namespace: str, name: str) -> Lease | None:
        """Return it, None where there is none."""

    def write_lease(self, namespace: str, name: str, lease: Lease) -> Lease:
        """Create or replace it; Conflict where it moved."""


class Elector:
    """Holds the Lease while it can; `leading` is what writers ask before each write."""

    def __init__(  # noqa: PLR0913 - all by keyword
        self,
        leases: Leases,
        *,
        namespace: str,
        name: str,
        identity: str,
        duration: float,
        on_lead: Callable[[], None],
    ) -> None:
        """Prepare to stand for election; `on_lead` is called each time it is won."""
        self._leases = leases
        self._where = namespace, name
        self._identity = identity
        self._duration = duration
        self._on_lead = on_lead
        self._leads_until = 0.0
        self._seen: Lease | None = None
        self._seen_at = 0.0
        self._error: str | None = "not asked yet"
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="election", daemon=True)

    @property
    def leading(self) -> bool:
        """Whether this replica may write now."""
        return time.monotonic() < self._leads_until

    @property
    def holder(self) -> str:
        """Who held the Lease when it was last read."""
        return self._seen.holder if self._seen else ""

    @property
    def error(self) -> str | None:
        """Why the Lease could not be read or written the last time, None where it could."""
        return self._error

    def start(self) -> None:
        """Begin to stand."""
        self._thread.start()

    def stop(self) -> None:
        """Stand down, and let another take over at once."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=self._duration)
        if self.leading and self._seen is not None:
            self._leads_until = 0.0
            try:
                self._write(replace(self._seen, holder="", renewed=_now()))
            except KubeError as error:
                log.warning("lease not released", extra={"error": error})

    def tick(self) -> None:
        """Take or renew the Lease if it is ours to take."""
        started = time.monotonic()
        led = self.leading
        try:
            lease = self._leases.lease(*self._where)
            self._look(lease, started)
            wanted = claim(lease, self._identity, self._duration, started - self._seen_at, _now())
            if wanted is None:
                self._leads_until = 0.0
            else:
                self._look(self._write(wanted), started)
                self._leads_until = started + self._duration * _MARGIN
            self._say(None)
        except Conflict:
            self._say(None)
        except KubeError as error:
            self._say(str(error))
        if self.leading != led:
            log.info("leading" if self.leading else "standing by", extra={"holder": self.holder})
            if self.leading:
                self._on_lead()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.tick()
            self._stopping.wait(self._duration / _RENEWALS)

    def _look(self, lease: Lease | None, at: float) -> None:
        if lease != self._seen:
            self._seen, self._seen_at = lease, at

    def _write(self, lease: Lease) -> Lease:
        return self._leases.write_lease(*self._where, lease)

    def _say(self, error: str | None) -> None:
        """Log an error when it begins and when it ends, not at every try."""
        if error is not None and self._error != error:
            log.warning("lease not reachable", extra={"error": error})
        elif error is None and self._error is not None:
            log.info("lease reachable")
        self._error = error


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
