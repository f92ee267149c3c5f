"""Puts Events up: few, each said once a while, after the writes that they tell of."""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from catalog import bridge
from health_bridge.errors import KubeError
from health_bridge.events import Event

COMPONENT = "railwatch-bridge"
NAMESPACE = "default"
"""Where Events about nodes are kept: `kubectl describe node` looks there."""

AGAIN_AFTER = 600.0
"""Seconds before the same is said again of the same node."""
_REMEMBERED = 8192
_RATE, _BURST = 5.0, 50.0
_PATIENCE = 2.0
"""Seconds that one cycle may spend on Events."""

POSTED, REPEATED, TOO_MANY, FAILED = bridge.EVENT_RESULTS

log = logging.getLogger(__name__)


class Board(Protocol):
    """Where requests go."""

    def request(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Do it; KubeError where that fails."""


class Announcer:
    """Best effort: one that is lost is one that the log and the node's annotation still have."""

    def __init__(
        self,
        board: Board,
        count: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Say nothing yet; `count` takes what became of each Event."""
        self._count = count
        self._board = board
        self._clock = clock
        self._said: OrderedDict[tuple[str, ...], float] = OrderedDict()
        self._tokens, self._filled = _BURST, clock()
        self._denied: str | None = None

    def say(self, events: Iterable[Event]) -> None:
        """Post what is new; the first that fails ends it, as the next would fail too."""
        failed, deadline = False, self._clock() + _PATIENCE
        for event in events:
            if failed or self._clock() > deadline:
                result = FAILED if failed else TOO_MANY
            else:
                result = self._say(event)
            failed = result == FAILED
            self._count(result)

    def _say(self, event: Event) -> str:
        key = (event.uid, event.reason, *event.about)
        last = self._said.get(key)
        if last is not None and self._clock() - last < AGAIN_AFTER:
            return REPEATED
        if not self._take():
            return TOO_MANY
        try:
            path = f"/api/v1/namespaces/{NAMESPACE}/events"
            self._board.request("POST", path, _document(event))
        except KubeError as error:
            self._tell(str(error))
            return FAILED
        self._tell(None)
        self._said[key] = self._clock()
        self._said.move_to_end(key)
        while len(self._said) > _REMEMBERED:
            self._said.popitem(last=False)
        return POSTED

    def _take(self) -> bool:
        now = self._clock()
        self._tokens = min(_BURST, self._tokens + (now - self._filled) * _RATE)
        self._filled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def _tell(self, error: str | None) -> None:
        """Log it once when Events are lost, once when they are back."""
        if error is not None and self._denied is None:
            log.warning("events not posted", extra={"error": error})
        elif error is None and self._denied is not None:
            log.info("events posted again")
        self._denied = error


def _document(event: Event) -> dict[str, Any]:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": f"{event.node[:200].rstrip('.-')}.", "namespace": NAMESPACE},
        # The kubelet's own Events carry a node's name for its uid, and `kubectl describe node`
        # looks for that.
        "involvedObject": {
            "apiVersion": "v1",
            "kind": "Node",
            "name": event.node,
            "uid": event.node,
        },
        "reason": event.reason,
        "message": event.message,
        "type": "Warning" if event.warning else "Normal",
        "source": {"component": COMPONENT},
        "reportingComponent": COMPONENT,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
