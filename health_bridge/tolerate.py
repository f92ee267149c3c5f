"""DaemonSets whose pods our taints would keep off: the driver, the device plugin, the exporter.

A pod of theirs that ends on a tainted node never comes back, and with it the telemetry that would
prove the node healthy. Looked at now and then, and only where we may.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from catalog import bridge
from catalog.verdicts import Verdict
from health_bridge.cluster.errors import KubeError
from health_bridge.decision.nodes import NO_SCHEDULE, Keys
from program.selectors import node_meets

EVERY = 600.0
"""Seconds between two looks."""

NAMED = 3
"""Nodes that are named of each DaemonSet."""

_PAUSE = 1.0
"""Seconds between two looks at whether it is time to."""

_PAGE = "250"
_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
"""Of nodes only names and labels are wanted: a twentieth of what they are."""

DONE, OFF, FAILED = bridge.DAEMON_SET_CHECKS

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intolerant:
    """A DaemonSet that our taints would keep off some of its nodes."""

    name: str
    """With its namespace."""
    keys: tuple[str, ...]
    """Taint keys that it does not tolerate."""
    nodes: int
    some: tuple[str, ...]
    """The first few of those nodes."""


def intolerant(
    daemon_sets: Iterable[Mapping[str, Any]],
    nodes: Sequence[tuple[str, Mapping[str, str]]],
    keys: Keys,
) -> tuple[tuple[Intolerant, ...], frozenset[str]]:
    """Return the DaemonSets that lack a toleration, and the names of all their nodes. Pure.

    `nodes` are the managed ones, each with its labels.
    """
    found: list[Intolerant] = []
    named: set[str] = set()
    for document in daemon_sets:
        metadata, pod = document["metadata"], _pod(document)
        lacking = tuple(sorted(key for key in keys.taints if not _tolerates(pod, key)))
        on = sorted(name for name, labels in nodes if lacking and _runs_on(pod, name, labels))
        if on:
            named.update(on)
            name = f"{metadata.get('namespace', '')}/{metadata['name']}"
            each = Intolerant(name=name, keys=lacking, nodes=len(on), some=tuple(on[:NAMED]))
            found.append(each)
    return tuple(sorted(found, key=lambda each: (-each.nodes, each.name))), frozenset(named)


def _pod(document: Mapping[str, Any]) -> Mapping[str, Any]:
    return ((document.get("spec") or {}).get("template") or {}).get("spec") or {}


def _tolerates(pod: Mapping[str, Any], key: str) -> bool:
    """Whether a taint of this key is tolerated, whichever verdict it carries."""
    held = (each for each in Verdict if each.taint_effect == NO_SCHEDULE)
    tolerations = pod.get("tolerations") or ()
    return all(any(_covers(each, key, verdict.label) for each in tolerations) for verdict in held)


def _covers(toleration: Mapping[str, Any], key: str, value: str) -> bool:
    if toleration.get("effect") not in (None, "", NO_SCHEDULE):
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in (None, "", key)
    said = toleration.get("key"), toleration.get("value") or ""
    return toleration.get("operator") in (None, "", "Equal") and said == (key, value)


def _runs_on(pod: Mapping[str, Any], name: str, labels: Mapping[str, str]) -> bool:
    """Whether node selector and required node affinity let a pod run on a node."""
    selector = pod.get("nodeSelector") or {}
    if any(labels.get(key) != value for key, value in selector.items()):
        return False
    affinity = (pod.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is None:
        return True
    terms = required.get("nodeSelectorTerms") or ()
    # An operator that is not known to us: better one pod too many named.
    return any(node_meets(term, name, labels, unknown=True) for term in terms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What the last look came to."""

    state: str = OFF
    """One of catalog.bridge.DAEMON_SET_CHECKS."""
    error: str = ""
    found: tuple[Intolerant, ...] = ()
    nodes: frozenset[str] = field(default_factory=frozenset)


class Api(Protocol):
    """Where requests go."""

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Iterable[tuple[str, str]] = (),
        accept: str = "application/json",
    ) -> dict[str, Any]:
        """Do it; KubeError where that fails."""


class Tolerance:
    """Looks every ten minutes, and says what it finds once."""

    def __init__(
        self,
        api: Api,
        keys: Keys,
        selector: str,
        *,
        publish: Callable[[Survey], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Look at the DaemonSets of all namespaces and the nodes of a label selector."""
        self._api = api
        self._keys = keys
        self._selector = selector
        self._clock = clock
        self._looked: float | None = None
        self._publish = publish
        self.survey = Survey()

    def run(self, ended: threading.Event, leading: Callable[[], bool]) -> None:
        """Look while this replica leads, until `ended`."""
        while not ended.wait(_PAUSE):
            if leading():
                self.look()

    def look(self) -> None:
        """Look, if it is time to; a look that fails says why and costs nothing else."""
        if self._looked is not None and self._clock() - self._looked < EVERY:
            return
        self._looked = self._clock()
        before = self.survey
        try:
            found, nodes = intolerant(
                list(self._items("/apis/apps/v1/daemonsets")), list(self._nodes()), self._keys
            )
            self.survey = Survey(state=DONE, found=found, nodes=nodes)
        except KubeError as error:
            self.survey = Survey(state=FAILED, error=str(error))
        except (KeyError, TypeError, AttributeError) as error:
            self.survey = Survey(state=FAILED, error=f"not understood: {error!r}")
        self._tell(before)
        self._publish(self.survey)

    def _tell(self, before: Survey) -> None:
        if self.survey.error and not before.error:
            log.warning("DaemonSets not looked at", extra={"error": self.survey.error})
        told = {(each.name, each.keys) for each in before.found}
        for each in self.survey.found:
            if (each.name, each.keys) not in told:
                log.warning(
                    "a DaemonSet does not tolerate the bridge's taints: its pods would not come "
                    "back to a tainted node",
                    extra={"daemonset": each.name, "nodes": each.nodes, "such_as": each.some[0]},
                )

    def _nodes(self) -> Iterator[tuple[str, Mapping[str, str]]]:
        query = [("labelSelector", self._selector)] if self._selector else []
        for document in self._items("/api/v1/nodes", query, _METADATA):
            labels = document["metadata"].get("labels") or {}
            if labels.get(self._keys.managed) != "false":
                yield document["metadata"]["name"], labels

    def _items(
        self,
        path: str,
        query: Sequence[tuple[str, str]] = (),
        accept: str = "application/json",
    ) -> Iterator[Mapping[str, Any]]:
        more = ""
        while True:
            going_on = [("continue", more)] if more else []
            page = self._api.request(
                "GET", path, query=[("limit", _PAGE), *query, *going_on], accept=accept
            )
            yield from page.get("items") or ()
            more = page["metadata"].get("continue") or ""
            if not more:
                return
