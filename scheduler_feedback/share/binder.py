"""Binds a pod to a node and to GPUs of it, so that no GPU is ever given out beyond what it has.

Everything is read afresh from the kube-apiserver: the pod, the node, its book, and only then the
pods on it. Whoever left the book before it was read had been bound by then, and so is among the
pods; whoever enters it later makes our own entry fail, and we read again.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from catalog.scheduler_share import BIND_RESULTS
from catalog.wire import PREFIX
from scheduler_feedback.errors import Conflict, NotFound
from scheduler_feedback.placement.fragmentation import Likely
from scheduler_feedback.pools import Pools
from scheduler_feedback.share.assignment import Part
from scheduler_feedback.share.book import Book, Reservation
from scheduler_feedback.share.formats import Grant, GrantError, notes_of
from scheduler_feedback.share.gpus import Use, choose, left, read_faulty, read_use
from scheduler_feedback.share.names import Ask, AskError, Names, read_ask, read_size

Object = Mapping[str, Any]

BOUND, AGAIN, NO_ROOM, CONFLICTED, REFUSED, FAILED = BIND_RESULTS
_TRIES = 8
RESERVED_FOR = 30.0
"""Seconds that an announced binding may take; longer, and others may void it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What kube-scheduler asks to be bound."""

    namespace: str
    name: str
    uid: str
    node: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A pod that was bound, as it was before, and its GPUs."""

    pod: Object
    parts: tuple[Part, ...]


class BindError(Exception):
    """A pod was not bound; `result` is one of the catalogue's."""

    def __init__(self, result: str, message: str) -> None:
        super().__init__(message)
        self.result = result


class Cluster(Protocol):
    """The kube-apiserver as far as binding goes; each call may raise KubeError."""

    def pod(self, namespace: str, name: str) -> Object:
        """Return a Pod object; NotFound where there is none."""

    def node(self, name: str) -> Object:
        """Return a Node object; NotFound where there is none."""

    def book(self, node: str, node_uid: str) -> Book:
        """Return a node's book as it is now; an empty one where there is none."""

    def pods_on(self, node: str) -> Sequence[Object]:
        """Return the Pod objects bound to a node, as of now or later."""

    def write(self, book: Book) -> None:
        """Write a book; Conflict where it was written since it was read."""

    def void(self, reservation: Reservation) -> None:
        """Touch a pod, if it is still there, so that bindings of it as it was are refused."""

    def bind(self, pod: Object, node: str, notes: Mapping[str, str]) -> None:
        """Bind a pod with annotations; Conflict where it has changed since it was read."""


class Binder:
    """Binds pods with shared GPUs."""

    def __init__(  # noqa: PLR0913 - what it needs, half by keyword
        self,
        cluster: Cluster,
        names: Names,
        *,
        prefix: str = PREFIX,
        pools: Pools | None = None,
        likely: Callable[[], Likely | None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Prepare; `likely` says what pods are to be expected."""
        self._cluster = cluster
        self._names = names
        self._prefix = prefix
        self._pools = pools or Pools()
        self._likely = likely
        self._clock = clock

    def bind(self, target: Target) -> Bound:
        """Bind a pod and return its GPUs; BindError, KubeError."""
        for _ in range(_TRIES):
            pod = self._pod(target)
            node = self._node(target.node) if self._ask(pod) else None
            parts = self._reserve(target, pod, node) if node else ()
            if parts is None:
                continue
            notes = self._notes(pod, node, parts) if node else {}
            try:
                self._cluster.bind(pod, target.node, notes)
            except Conflict:
                continue  # touched meanwhile, or bound: read it again
            return Bound(pod=pod, parts=parts)
        raise BindError(CONFLICTED, f"others wrote {target.node}'s book or the pod each time")

    def _pod(self, target: Target) -> Object:
        where = f"{target.namespace}/{target.name}"
        try:
            pod = self._cluster.pod(target.namespace, target.name)
        except NotFound:
            raise BindError(REFUSED, f"there is no pod {where}") from None
        if target.uid and pod["metadata"]["uid"] != target.uid:
            raise BindError(REFUSED, f"pod {where} is another one by now")
        bound = (pod.get("spec") or {}).get("nodeName")
        if bound:
            again = bound == target.node
            raise BindError(AGAIN if again else REFUSED, f"pod {where} is bound to {bound}")
        return pod

    def _ask(self, pod: Object) -> Ask | None:
        try:
            return read_ask(pod.get("spec") or {}, self._names)
        except AskError as error:
            raise BindError(REFUSED, str(error)) from None

    def _notes(self, pod: Object, node: Object, parts: tuple[Part, ...]) -> dict[str, str]:
        """Return what a pod is bound with: its GPUs, and what it costs to let it go first."""
        meta = node["metadata"]
        size, now = read_size(node, self._names), self._clock()
        grant = Grant(pod=pod, node=meta["name"], size=size, parts=parts, at=now)
        cost = self._pools.deletion_cost(meta.get("labels") or {})
        own = pod["metadata"].get("annotations") or {}
        try:
            return {k: v for k, v in cost.items() if k not in own} | notes_of(grant, self._names)
        except GrantError as error:
            raise BindError(REFUSED, str(error)) from None

    def _reserve(self, target: Target, pod: Object, node: Object) -> tuple[Part, ...] | None:
        """Announce GPUs for a pod; return them, or None where all must be read again."""
        ask = self._ask(pod)
        if ask is None:
            return ()
        book = self._cluster.book(target.node, node["metadata"]["uid"])
        marked = tuple(replace(r, expired=r.expired or self._late(r)) for r in book.reservations)
        if marked != book.reservations:
            self._write(replace(book, reservations=marked))
            return None
        for each in marked:
            if each.expired:
                self._cluster.void(each)
        pods = self._cluster.pods_on(target.node)
        uses = {p["metadata"]["uid"]: read_use(p, self._names) for p in pods}
        kept = tuple(r for r in marked if not r.expired and r.uid not in uses)
        uid = pod["metadata"]["uid"]
        ours = [r.parts for r in kept if r.uid == uid]
        if ours:
            return ours[0]
        taken = [*filter(None, uses.values()), *(Use(parts=r.parts) for r in kept)]
        parts = self._choose(node, ask, taken)
        entry = Reservation(
            namespace=target.namespace, name=target.name, uid=uid, at=self._clock(), parts=parts
        )
        written = self._write(replace(book, reservations=(*kept, entry)))
        touched = any(r.uid == uid for r in marked)
        return parts if written and not touched else None

    def _choose(self, node: Object, ask: Ask, taken: Sequence[Use]) -> tuple[Part, ...]:
        faulty = read_faulty(node, self._prefix)
        room = left(read_size(node, self._names), taken, faulty)
        parts = choose(room, ask, faulty.worn, self._likely())
        if not parts:
            raise BindError(NO_ROOM, f"no GPU of {node['metadata']['name']} has room any more")
        return parts

    def _node(self, name: str) -> Object:
        try:
            return self._cluster.node(name)
        except NotFound:
            raise BindError(REFUSED, f"there is no node {name}") from None

    def _late(self, reservation: Reservation) -> bool:
        return self._clock() - reservation.at > RESERVED_FOR

    def _write(self, book: Book) -> bool:
        """Write a book; return whether nobody else was faster."""
        try:
            self._cluster.write(book)
        except Conflict:
            return False
        return True
