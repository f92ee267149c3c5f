"""Kubernetes Events about what the drainer does: few, each said once a while."""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from scheduler_feedback.errors import KubeError
from scheduler_feedback.rate import Bucket

log = logging.getLogger(__name__)

COMPONENT = "railwatch-scheduler"

_AGAIN_AFTER = 600.0
"""Seconds before the same is said again of the same object."""
_REMEMBERED = 4096
_RATE, _BURST = 5.0, 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """The object an Event is about."""

    api_version: str = "v1"
    kind: str
    namespace: str = ""
    name: str
    uid: str


class Board(Protocol):
    """Where Events are put up."""

    def post_event(self, namespace: str, event: Mapping[str, Any]) -> None:
        """Create an Event; KubeError where that fails."""


class Announcer:
    """Posts Events, best effort: one lost is one that the log still has."""

    def __init__(self, board: Board, clock: Callable[[], float] = time.monotonic) -> None:
        self._board = board
        self._clock = clock
        self._said: OrderedDict[tuple[str, str, str], float] = OrderedDict()
        self._bucket = Bucket(_RATE, _BURST, clock)
        self._lost = False

    def say(self, about: About, reason: str, message: str, *, warning: bool = False) -> None:
        """Log and post an Event, unless the same was said of the object a while ago."""
        key = (about.uid, reason, message)
        last = self._said.get(key)
        if last is not None and self._clock() - last < _AGAIN_AFTER:
            return
        if not self._bucket.take():
            return
        self._remember(key)
        fields = {"kind": about.kind, "object": f"{about.namespace}/{about.name}".lstrip("/")}
        log.log(
            logging.WARNING if warning else logging.INFO, "%s: %s", reason, message, extra=fields
        )
        namespace = about.namespace or "default"
        try:
            self._board.post_event(namespace, _event(about, reason, message, warning=warning))
        except KubeError as error:
            level = logging.DEBUG if self._lost else logging.WARNING  # once when lost
            log.log(level, "event not posted", extra={"reason": error.reason, "error": str(error)})
            self._lost = True
        else:
            self._lost = False

    def _remember(self, key: tuple[str, str, str]) -> None:
        self._said[key] = self._clock()
        self._said.move_to_end(key)
        while len(self._said) > _REMEMBERED:
            self._said.popitem(last=False)


def _event(about: About, reason: str, message: str, *, warning: bool) -> dict[str, Any]:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    target = {"apiVersion": about.api_version, "kind": about.kind, "name": about.name}
    if about.namespace:
        target["namespace"] = about.namespace
    # The node's own Events carry its name for a uid, and so `kubectl describe node` looks for it.
    target["uid"] = about.name if about.kind == "Node" else about.uid
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "generateName": f"{about.name[:200].rstrip('.-')}.",
            "namespace": about.namespace or "default",
        },
        "involvedObject": target,
        "reason": reason,
        "message": message[:1024],
        "type": "Warning" if warning else "Normal",
        "source": {"component": COMPONENT},
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
