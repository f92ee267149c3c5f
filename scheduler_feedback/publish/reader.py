"""Asks all exporters and fabric collectors, and keeps what each said last for the grace."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, Protocol, TypeVar

from catalog.scheduler_topology import (
    DOCUMENTS,
    INCOMPLETE,
    MALFORMED,
    MALFORMED_DOCUMENT,
    READ,
    UNCHANGED,
    UNREACHABLE,
    UNREACHED,
    UNREAD,
)
from program.rate import Bucket
from scheduler_feedback.publish.documents import (
    DocumentError,
    FabricDocument,
    NodeDocument,
    read_fabric,
    read_node,
)
from scheduler_feedback.publish.fetch import Answer, FetchError
from scheduler_feedback.publish.merge import Seen, Sight
from scheduler_feedback.publish.node import Node

_AT_ONCE = 32
_EXPORTER, _FABRIC = DOCUMENTS

D = TypeVar("D")


class _IncompleteError(DocumentError):
    """A fabric of which some nodes did not answer: it proves no link's absence."""


def _read_whole_fabric(body: bytes) -> FabricDocument:
    document = read_fabric(body)
    if not document.complete:
        raise _IncompleteError("some nodes of the fabric did not answer")
    return document


class Fetch(Protocol):
    """Asks a server for its document."""

    def get(self, url: str, tag: str = "") -> Answer:
        """Return the document at a URL, unless it is the one of the tag; else FetchError."""


@dataclass(slots=True, kw_only=True)
class _Known(Generic[D]):
    """What one server said last."""

    url: str
    began: float
    document: D | None = None
    at: float = 0.0
    tag: str = ""
    failure: str = ""
    """Why the last attempt brought nothing; empty where it did, or none was made."""
    tried: bool = False

    def seen(self, now: float, grace: float) -> tuple[D | None, bool]:
        """Return what it said, and whether that it says nothing is too new to mean anything."""
        if self.document is not None and now - self.at <= grace:
            return self.document, False
        return None, now - max(self.at, self.began) <= grace


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How servers are asked."""

    url: str
    """Of an exporter, with {address} and {node} in it."""
    fabric_urls: tuple[str, ...]
    rate: float
    """Documents a second."""
    grace: float


@dataclass(slots=True)
class Reader:
    """Everything that was read; one thread looks, several ask."""

    terms: Terms
    exporters: Fetch
    fabrics: Sequence[Fetch]
    """One for each of the URLs."""
    stop: threading.Event
    counted: Callable[[str, str], None] = lambda _document, _result: None
    clock: Callable[[], float] = time.monotonic
    _nodes: dict[str, _Known[NodeDocument]] = field(default_factory=dict)
    _fabrics: dict[str, _Known[FabricDocument]] = field(default_factory=dict)

    def look(self, nodes: Sequence[Node]) -> Sight:
        """Ask all of them once, at the rate, and return everything that is known now."""
        self._follow(nodes)
        bucket = Bucket(self.terms.rate, _AT_ONCE)
        asks = [
            partial(self._ask, _FABRIC, known, fetch, _read_whole_fabric)
            for known, fetch in zip(self._fabrics.values(), self.fabrics, strict=True)
        ]
        asks += [
            partial(self._ask, _EXPORTER, known, self.exporters, read_node)
            for known in self._nodes.values()
            if known.url
        ]
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="topology") as pool:
            list(pool.map(lambda ask: ask(), self._paced(asks, bucket)))
        return self.sight()

    def _paced(
        self, asks: Iterable[Callable[[], None]], bucket: Bucket
    ) -> list[Callable[[], None]]:
        lock = threading.Lock()

        def paced(ask: Callable[[], None]) -> None:
            with lock:
                while not bucket.take():
                    if self.stop.wait(bucket.wait()):
                        return
            if not self.stop.is_set():
                ask()

        return [partial(paced, ask) for ask in asks]

    def _follow(self, nodes: Sequence[Node]) -> None:
        """Forget the nodes that are gone, and what one said that now answers elsewhere."""
        now = self.clock()
        for url in self.terms.fabric_urls:
            self._fabrics.setdefault(url, _Known(url=url, began=now))
        found = {node.name: self._url(node) for node in nodes}
        self._nodes = {
            name: known if (known := self._nodes.get(name)) and known.url == url
            else _Known(url=url, began=now)
            for name, url in found.items()
        }  # fmt: skip

    def _url(self, node: Node) -> str:
        if not node.address:
            return ""
        address = f"[{node.address}]" if ":" in node.address else node.address
        return self.terms.url.replace("{address}", address).replace("{node}", node.name)

    def _ask(self, kind: str, known: _Known[D], fetch: Fetch, read: Callable[[bytes], D]) -> None:
        known.tried = True
        try:
            answer = fetch.get(known.url, known.tag if known.document is not None else "")
            if answer.body is not None:
                known.document, known.tag = read(answer.body), answer.tag
        except FetchError:
            known.failure = UNREACHABLE
            self.counted(kind, UNREACHED)
        except _IncompleteError:
            self.counted(kind, INCOMPLETE)
        except DocumentError:
            known.failure = MALFORMED
            self.counted(kind, MALFORMED_DOCUMENT)
        else:
            known.at, known.failure = self.clock() - answer.age, ""
            self.counted(kind, UNCHANGED if answer.body is None else READ)

    def sight(self) -> Sight:
        """Return everything that is known now."""
        now, grace = self.clock(), self.terms.grace
        fabrics = [known.seen(now, grace) for known in self._fabrics.values()]
        return Sight(
            nodes={name: self._seen(known, now) for name, known in self._nodes.items()},
            fabrics=tuple(document for document, _ in fabrics if document is not None),
            blind=any(blind for _, blind in fabrics),
        )

    def _seen(self, known: _Known[NodeDocument], now: float) -> Seen:
        document, blind = known.seen(now, self.terms.grace)
        if document is not None:
            return Seen(document=document)
        return Seen(blind=blind, reason=known.failure or (UNREACHABLE if known.tried else UNREAD))
