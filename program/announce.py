"""Kubernetes Events: few, each said once a while, and never at the cost of what they tell of.

One policy for every program, after the recorder of Kubernetes' own. What is said again of an object
within ten minutes is only counted, and later put on the Event that there is. An object has a rate,
so that one that flaps silences no other; all of them have one together. Who speaks never waits and
never fails: a thread of the announcer's own does the posting, once each, as the log has it anyway.
The Kubernetes client stays with its program, which says how an Event is written, and what that may
raise.
"""

import logging
import queue
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from catalog.events import EVENT_RESULTS
from program.rate import Bucket

log = logging.getLogger(__name__)

AGAIN_AFTER = 600.0
"""Seconds before the same is put up again of the same object."""
MAX_MESSAGE = 1024
"""Characters; the API takes no more."""

_RATE, _BURST = 5.0, 50.0
_RATE_OF_ONE, BURST_OF_ONE = 1 / 60, 25.0
"""Of one object; kube-apiserver's clients have as large a burst, and fill it more slowly."""
_REMEMBERED = 8192
_WAITING = 256
_LAST_WORDS = 2.0
"""Seconds that a program which ends spends on what still waits."""

POSTED, REPEATED, TOO_MANY, FAILED = EVENT_RESULTS

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """The object an Event is about."""

    api_version: str = "v1"
    kind: str
    namespace: str = ""
    name: str
    uid: str

    @property
    def kept_in(self) -> str:
        """The namespace of its Events; `kubectl describe node` looks in `default`."""
        return self.namespace or "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Errors:
    """What writing an Event raises: `missing` where there is none to be changed any more."""

    failure: type[Exception]
    missing: type[Exception]


class Board(Protocol):
    """Where Events are put up."""

    def post_event(self, namespace: str, event: Mapping[str, Any]) -> Mapping[str, Any]:
        """Create an Event; return it as it was created."""

    def patch_event(self, namespace: str, name: str, change: Mapping[str, Any]) -> None:
        """Merge a change into an Event."""


@dataclass(slots=True)
class _Said:
    """What was said of an object, and how often."""

    at: float | None = None
    """When it was put up last; None where it was not, or in vain."""
    count: int = 0
    first: str = ""
    name: str = ""
    """Of the Event that there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Telling:
    about: About
    reason: str
    message: str
    warning: bool
    said: _Said

    @property
    def type(self) -> str:
        return "Warning" if self.warning else "Normal"


class Announcer:
    """Takes Events from any thread, and posts them in its own."""

    def __init__(
        self,
        board: Board,
        errors: Errors,
        *,
        component: str,
        counted: Callable[[str], None] = lambda _result: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Say nothing yet; `counted` is told what became of each Event."""
        self._board = board
        self._errors = errors
        self._component = component
        self._counted = counted
        self._clock = clock
        self._said: OrderedDict[tuple[str, ...], _Said] = OrderedDict()
        self._objects: OrderedDict[str, Bucket] = OrderedDict()
        self._all = Bucket(_RATE, _BURST, clock)
        self._lock = threading.Lock()
        self._waiting: queue.Queue[_Telling] = queue.Queue(_WAITING)
        self._lost = False

    def say(
        self,
        about: About,
        reason: str,
        message: str,
        *,
        warning: bool = False,
        same: tuple[str, ...] = (),
    ) -> None:
        """Log an Event and have it posted, unless it was said lately, or too much is.

        `same` is what makes two of a reason the same where that is not the message.
        """
        key = (about.uid, reason, *(same or (message,)))
        with self._lock:
            said = _recent(self._said, key, _Said)
            said.count += 1
            telling = _Telling(
                about=about,
                reason=reason,
                message=message[:MAX_MESSAGE],
                warning=warning,
                said=said,
            )
            refused = self._refused(telling)
        if refused:
            self._counted(refused)
            return
        level = logging.WARNING if warning else logging.INFO
        fields = {"kind": about.kind, "object": f"{about.namespace}/{about.name}".lstrip("/")}
        log.log(level, "%s: %s", reason, message, extra=fields)

    def _refused(self, telling: _Telling) -> str:
        """Put it in the queue, or return what becomes of it instead."""
        said, now = telling.said, self._clock()
        if said.at is not None and now - said.at < AGAIN_AFTER:
            return REPEATED
        own = _recent(self._objects, telling.about.uid, self._bucket)
        if not (own.take() and self._all.take()):
            return TOO_MANY
        try:
            self._waiting.put_nowait(telling)
        except queue.Full:
            return TOO_MANY
        said.at = now
        return ""

    def _bucket(self) -> Bucket:
        return Bucket(_RATE_OF_ONE, BURST_OF_ONE, self._clock)

    def run(self, ended: threading.Event) -> None:
        """Post what is said until it has ended, and then what still waits."""
        while not ended.is_set():
            self._next(wait=0.5)
        self.drain(_LAST_WORDS)

    def drain(self, within: float = 60.0) -> None:
        """Post what waits; no more is begun after so many seconds."""
        end = time.monotonic() + within
        while time.monotonic() < end and self._next(wait=0):
            continue

    def _next(self, wait: float) -> bool:
        """Post one; return whether there was one."""
        try:
            telling = self._waiting.get(block=wait > 0, timeout=wait or None)
        except queue.Empty:
            return False
        try:
            self._put_up(telling)
        except self._errors.failure as error:
            telling.said.at = None
            self._tell(str(error))
            self._counted(FAILED)
        else:
            self._tell("")
            self._counted(POSTED)
        return True

    def _put_up(self, telling: _Telling) -> None:
        said, namespace, now = telling.said, telling.about.kept_in, _now()
        said.first = said.first or now
        if said.name:
            change = {"count": said.count, "lastTimestamp": now, "message": telling.message}
            try:
                self._board.patch_event(namespace, said.name, change)
            except self._errors.missing:
                said.name = ""
            else:
                return
        made = self._board.post_event(namespace, _document(telling, now, self._component))
        said.name = str((made.get("metadata") or {}).get("name", ""))

    def _tell(self, error: str) -> None:
        """Log it once when Events are lost, once when they are back."""
        if error and not self._lost:
            log.warning("event not posted", extra={"error": error})
        elif self._lost and not error:
            log.info("events posted again")
        self._lost = bool(error)


def _recent(known: OrderedDict[K, V], key: K, make: Callable[[], V]) -> V:
    """Return what is known of a key, or begin; what was not asked for longest is forgotten."""
    found = known.get(key)
    if found is None:
        found = known[key] = make()
    known.move_to_end(key)
    while len(known) > _REMEMBERED:
        known.popitem(last=False)
    return found


def _document(telling: _Telling, now: str, component: str) -> dict[str, Any]:
    about = telling.about
    target = {"apiVersion": about.api_version, "kind": about.kind, "name": about.name}
    if about.namespace:
        target["namespace"] = about.namespace
    # The kubelet's own Events carry a node's name for its uid, and `kubectl describe node` looks
    # for that.
    target["uid"] = about.name if about.kind == "Node" else about.uid
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "generateName": f"{about.name[:200].rstrip('.-')}.",
            "namespace": about.kept_in,
        },
        "involvedObject": target,
        "reason": telling.reason,
        "message": telling.message,
        "type": telling.type,
        "source": {"component": component},
        "reportingComponent": component,
        "firstTimestamp": telling.said.first,
        "lastTimestamp": now,
        "count": telling.said.count,
    }


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
