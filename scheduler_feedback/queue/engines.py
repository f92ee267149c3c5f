"""Reads the queues of the engines that the cluster has; one that it has not costs nothing.

Which versions are served the kube-apiserver is asked seldom; of several its own first choice, the
newest, is read.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from catalog.scheduler_queue import KUEUE_CLUSTER, KUEUE_LOCAL, UPSTREAM, VOLCANO
from scheduler_feedback.errors import Forbidden, KubeError, NotFound
from scheduler_feedback.gang import markers
from scheduler_feedback.queue import kueue, upstream, volcano
from scheduler_feedback.queue.told import MOST_TOLD, Told
from scheduler_feedback.watch import Listing

log = logging.getLogger(__name__)

RECHECK = 300.0
"""Seconds between two looks at what the kube-apiserver serves."""

_REMEDY = "let the account list it (deploy/scheduler/rbac.yaml, ClusterRole railwatch-queues)"


class Server(Protocol):
    """The kube-apiserver as far as this goes."""

    def call(self, method: str, path: str) -> dict[str, Any]:
        """Send one request; return the object it is answered with."""

    def listing(self, path: str) -> Listing:
        """List a collection page by page as it is iterated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Queues of one kind: where they are kept, and how they are read."""

    name: str
    engine: str
    group: str
    resources: tuple[str, ...]
    """What is listed, the queues themselves first."""
    read: Callable[[Sequence[Iterable[Mapping[str, Any]]]], list[Told]]


KINDS = (
    Kind(
        name=KUEUE_CLUSTER,
        engine=markers.KUEUE,
        group=kueue.GROUP,
        resources=("clusterqueues",),
        read=lambda found: [kueue.cluster_queue(each) for each in found[0]],
    ),
    Kind(
        name=KUEUE_LOCAL,
        engine=markers.KUEUE,
        group=kueue.GROUP,
        resources=("localqueues",),
        read=lambda found: [kueue.local_queue(each) for each in found[0]],
    ),
    Kind(
        name=VOLCANO,
        engine=markers.VOLCANO,
        group=volcano.GROUP,
        resources=("queues", "podgroups"),
        read=lambda found: volcano.queues(found[0], found[1]),
    ),
    Kind(
        name=UPSTREAM,
        engine=markers.UPSTREAM,
        group=upstream.GROUP,
        resources=("podgroups",),
        read=lambda found: upstream.namespaces(found[0]),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the queues of one kind told."""

    told: tuple[Told, ...] = ()
    untold: int = 0
    """Queues beyond those."""
    readable: bool = True


class Engines:
    """What the engines' queues tell, by kind; a kind that is not served is not there."""

    def __init__(self, server: Server, clock: Callable[[], float] = time.monotonic) -> None:
        """Prepare; nothing is asked yet."""
        self._server = server
        self._clock = clock
        self._looked: float | None = None
        self._served: dict[str, tuple[str, ...]] = {}
        self._problems: dict[str, str] = {}
        self.readings: Mapping[str, Reading] = {}

    @property
    def served(self) -> frozenset[str]:
        """The engines that are there and have quotas of their own, as upstream has not."""
        found = {kind.engine for kind in KINDS if kind.name in self._served}
        return frozenset(found - {markers.UPSTREAM})

    def refresh(self) -> None:
        """Read all queues; what cannot be read is told as such, and once in the log."""
        try:
            self.discover()
        except KubeError as error:
            self._lost("discovery", error)
        self.readings = {kind.name: self._read(kind) for kind in KINDS if kind.name in self._served}

    def discover(self) -> None:
        """Look which kinds are served, where the last look is old; KubeError where that fails."""
        if self._looked is not None and self._clock() - self._looked < RECHECK:
            return
        groups = {g["name"]: g for g in self._server.call("GET", "/apis").get("groups") or ()}
        served: dict[str, tuple[str, ...]] = {}
        for kind in KINDS:
            paths = self._paths(kind, groups.get(kind.group) or {})
            if paths:
                served[kind.name] = paths
        self._served, self._looked = served, self._clock()
        self._well("discovery")

    def path(self, kind: str) -> str:
        """Return where the queues of a kind are kept; empty where they are not served."""
        return self._served.get(kind, ("",))[0]

    def _paths(self, kind: Kind, group: Mapping[str, Any]) -> tuple[str, ...]:
        """Return where a kind's resources are listed, in the first version that has them all."""
        for version in group.get("versions") or ():
            base = f"/apis/{version['groupVersion']}"
            try:
                found = self._server.call("GET", base).get("resources") or ()
            except NotFound:
                continue
            if {*kind.resources} <= {resource["name"] for resource in found}:
                return tuple(f"{base}/{resource}" for resource in kind.resources)
        return ()

    def _read(self, kind: Kind) -> Reading:
        try:
            paths = self._served[kind.name]
            told = sorted(
                kind.read([self._server.listing(path).objects for path in paths]),
                key=lambda each: each.queue,
            )
        except KubeError as error:
            if isinstance(error, NotFound):
                self._looked = None  # it has been taken away: look again
            self._lost(kind.name, error)
            return Reading(readable=False)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            self._lost(kind.name, KubeError(f"an object of another shape than expected: {error!r}"))
            return Reading(readable=False)
        self._well(kind.name)
        return Reading(told=tuple(told[:MOST_TOLD]), untold=max(0, len(told) - MOST_TOLD))

    def _lost(self, what: str, error: KubeError) -> None:
        if self._problems.get(what) != error.reason:
            remedy = {"remedy": _REMEDY} if isinstance(error, Forbidden) else {}
            fields = {"kind": what, "reason": error.reason, "error": str(error), **remedy}
            log.warning("queues not read", extra=fields)
        self._problems[what] = error.reason

    def _well(self, what: str) -> None:
        if self._problems.pop(what, ""):
            log.info("queues read again", extra={"kind": what})
