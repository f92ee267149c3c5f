"""One collection of the kube-apiserver: listed page by page, and watched from there on."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus

import msgspec
import urllib3

from health_bridge.cluster.answers import document_of, error_of, mapped
from health_bridge.cluster.errors import Unreachable
from program.watch import Change, Listing, Object

Query = Sequence[tuple[str, str]]

Ask = Callable[[Query, float], urllib3.BaseHTTPResponse]
"""GETs the collection with a query; the answer is not yet read and may take so many seconds."""


class Collection:
    """What a Watcher follows; each request takes at most `timeout` seconds."""

    def __init__(self, ask: Ask, what: str, *, page: int, timeout: float, query: Query) -> None:
        """Prepare; `page` objects are in one answer, so that many are never in memory at once."""
        self._ask = ask
        self._what = f"GET {what}"
        self._page = page
        self._timeout = timeout
        self._query = query

    def list(self) -> Listing:
        """List page by page as it is iterated."""
        seen: deque[str] = deque(maxlen=1)
        return Listing(objects=self._pages(seen), version=lambda: seen[-1])

    def watch(self, version: str) -> Iterator[Change]:
        """Watch from a version on for as long as one request may take; Gone where it is too old.

        The server ends it in time; a connection that outlasts that by half is dead.
        """
        seconds = max(1, round(self._timeout))
        query = [
            ("watch", "1"),
            ("allowWatchBookmarks", "true"),
            ("resourceVersion", version),
            ("timeoutSeconds", str(seconds)),
            *self._query,
        ]
        return self._changes(self._ask(query, 1.5 * seconds))

    def _pages(self, seen: deque[str]) -> Iterator[Object]:
        query = [("limit", str(self._page)), *self._query]
        more: Query = ()
        while True:
            with mapped(self._what):
                raw = self._ask([*query, *more], self._timeout).data
            page = document_of(self._what, raw)
            yield from page.get("items") or []
            seen.append(page["metadata"].get("resourceVersion", ""))
            following = page["metadata"].get("continue", "")
            if not following:
                return
            more = [("continue", following)]

    def _changes(self, answer: urllib3.BaseHTTPResponse) -> Iterator[Change]:
        rest = b""
        try:
            with mapped(self._what):
                for chunk in answer.stream(1 << 16):
                    *lines, rest = (rest + chunk).split(b"\n")
                    yield from (self._change(line) for line in lines if line)
        finally:
            answer.close()

    def _change(self, line: bytes) -> Change:
        what = f"{self._what}?watch"
        document = document_of(what, line)
        told = document.get("object")
        if not isinstance(told, dict) or not isinstance(document.get("type"), str):
            raise Unreachable(f"{what}: the answer is not an event")
        if document["type"] == "ERROR":
            status = int(told.get("code") or HTTPStatus.INTERNAL_SERVER_ERROR)
            raise error_of(what, status, msgspec.json.encode(told))
        return Change(kind=document["type"], object=told)
