"""What the kube-apiserver says of every node, kept by a watch: a cycle asks for no list.

What our own writes were answered with is noted at once, so that the next decision never stands on
the node of before. The watch may still be behind that: of one node (by its uid) the newer version
stays, as resource versions compare as whole numbers. A list is the whole truth.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from health_bridge.errors import Gone, KubeError, Unreachable
from health_bridge.kube import Kube
from health_bridge.nodes import Keys, Node, read_node
from program.watch import Change, Errors, Listing, Object, Watcher

_POLL = 0.02
"""Seconds between looks for the first list."""


class NodeStore:
    """Nodes by name; complete once the first list is in. Safe to use from several threads."""

    def __init__(self, keys: Keys, clock: Callable[[], float] = time.monotonic) -> None:
        """Start empty."""
        self._keys = keys
        self._clock = clock
        self._lock = threading.Lock()
        self._nodes: dict[str, Node] = {}
        self._vouched: float | None = None

    def replace(self, objects: Iterable[Object]) -> None:
        """Take a complete list of Node objects for the whole truth."""
        listed = {node.name: node for node in (read_node(each, self._keys) for each in objects)}
        with self._lock:
            self._nodes = listed

    def put(self, item: Object) -> None:
        """Take a Node object that was added or modified."""
        node = read_node(item, self._keys)
        with self._lock:
            self._nodes[node.name] = _newer(self._nodes.get(node.name), node)

    def drop(self, item: Object) -> None:
        """Take note that a Node object was deleted, or has left the selector."""
        with self._lock:
            self._nodes.pop(item["metadata"]["name"], None)

    def note(self, node: Node) -> None:
        """Take what a write of ours was answered with; one that is deleted by now stays so."""
        with self._lock:
            known = self._nodes.get(node.name)
            if known is not None and known.uid == node.uid:
                self._nodes[node.name] = _newer(known, node)

    def vouch(self) -> None:
        """Take note that the kube-apiserver stands behind this state now."""
        self._vouched = self._clock()

    @property
    def age(self) -> float | None:
        """Seconds since the kube-apiserver last vouched for this state; None before it ever did."""
        return None if self._vouched is None else self._clock() - self._vouched

    def nodes(self) -> list[Node]:
        """Return every node; one that has not changed is the same object as before."""
        with self._lock:
            return list(self._nodes.values())


def _newer(known: Node | None, told: Node) -> Node:
    """Return the newer of two states of a node; another uid is another node, and told last."""
    if known is None or known.uid != told.uid:
        return told
    if known.version.isdecimal() and told.version.isdecimal():
        return known if int(known.version) >= int(told.version) else told
    return told


_ERRORS = Errors(gone=Gone, failure=KubeError)


class _Nodes:
    """The nodes that a selector chooses, for a Watcher."""

    def __init__(self, kube: Kube, selector: str) -> None:
        self._kube = kube
        self._selector = selector

    def list(self) -> Listing:
        return self._kube.listing(self._selector)

    def watch(self, version: str) -> Iterator[Change]:
        return self._kube.watch(self._selector, version)


class WatchedFleet:
    """The nodes as the store has them, one by one and written by way of the kube-apiserver."""

    def __init__(self, kube: Kube, keys: Keys, *, selector: str, stale_after: float) -> None:
        """Prepare; what the server said counts for `stale_after` seconds after it last did."""
        self._kube = kube
        self._stopping = threading.Event()
        self._store = NodeStore(keys)
        self._watcher = Watcher(_Nodes(kube, selector), self._store, _ERRORS, stop=self._stopping)
        self._stale_after = stale_after

    def start(self) -> None:
        """Begin to follow the nodes, in a thread that keeps no program from ending."""
        threading.Thread(target=self._watcher.run, name="watch", daemon=True).start()

    def stop(self) -> None:
        """Follow no further than the watch that is open now."""
        self._stopping.set()

    def nodes(self, selector: str = "") -> list[Node]:  # noqa: ARG002 - the watch has it
        """Return the nodes that the watch selects; KubeError where nobody vouches for them now."""
        deadline = time.monotonic() + self._stale_after
        while self._store.age is None and self._watcher.failure is None:
            if time.monotonic() > deadline:
                break
            time.sleep(_POLL)
        failure, age = self._watcher.failure, self._store.age
        if isinstance(failure, KubeError):
            raise failure
        if age is None or age > self._stale_after:
            silent = "has not been answered" if age is None else f"is silent for {age:.0f} s"
            raise Unreachable(f"GET /api/v1/nodes: the watch {silent}")
        return self._store.nodes()

    def node(self, name: str) -> Node:
        """Return one node as it is now."""
        return self._noted(self._kube.node(name))

    def patch_node(self, name: str, patch: Mapping[str, Any]) -> Node:
        """Merge a patch into metadata and spec."""
        return self._noted(self._kube.patch_node(name, patch))

    def patch_status(self, name: str, patch: Mapping[str, Any]) -> Node:
        """Merge a patch into the status, conditions by their type."""
        return self._noted(self._kube.patch_status(name, patch))

    def _noted(self, node: Node) -> Node:
        self._store.note(node)
        return node
