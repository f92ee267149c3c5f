"""One snapshot: what the scrape sees until the next. Each of its forms is made at most once."""

import gzip
import threading
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from exporters import exposition
from exporters.exposition import Lines
from exporters.ledger import Standing
from exporters.moment import Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One way to serve the exposition."""

    openmetrics: bool = False
    gzip: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What was known at one moment, with the process's own metrics of the same moment."""

    built: Moment
    lines: Lines
    standings: tuple[Standing, ...]
    complete: bool
    """Whether everything had answered, or was seen not to, at least once."""
    registry: CollectorRegistry
    """prometheus-client's own collectors: process, platform, garbage collection."""
    _bodies: dict[Form, bytes] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def body(self, form: Form) -> bytes:
        """Return the exposition in this form."""
        with self._lock:
            return self._body(form)

    def _body(self, form: Form) -> bytes:
        if form not in self._bodies:
            if form.gzip:
                plain = self._body(Form(openmetrics=form.openmetrics))
                self._bodies[form] = gzip.compress(plain, compresslevel=6, mtime=0)
            else:
                self._bodies[form] = self._plain(openmetrics=form.openmetrics)
        return self._bodies[form]

    def _plain(self, *, openmetrics: bool) -> bytes:
        ours = (exposition.openmetrics if openmetrics else exposition.text)(self.lines)
        own: bytes = (generate_openmetrics if openmetrics else generate_latest)(self.registry)
        return ours.encode("utf-8", "replace") + own


class Board:
    """Where the newest snapshot hangs for the web server's threads."""

    def __init__(self) -> None:
        """Begin empty."""
        self._newest: Snapshot | None = None
        self._asked: set[Form] = set()

    @property
    def newest(self) -> Snapshot | None:
        """The newest snapshot, None before the first."""
        return self._newest

    def publish(self, snapshot: Snapshot) -> None:
        """Hang up a snapshot, ready in the forms that were asked of the one before."""
        asked, self._asked = self._asked, set()
        for form in asked:
            snapshot.body(form)
        self._newest = snapshot

    def ask(self, snapshot: Snapshot, form: Form) -> bytes:
        """Return a snapshot in one form, and have the next one ready in it."""
        self._asked.add(form)
        return snapshot.body(form)
