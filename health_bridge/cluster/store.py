"""What the kube-apiserver says of every node, kept by a watch: a cycle asks for no list.

What our own writes were answered with is noted at once, so that the next decision never stands on
the node of before. The watch may still be behind that: of one node (by its uid) the newer version
stays, as resource versions compare as whole numbers. A list is the whole truth.
"""

import threading
from collections.abc import Iterable, Mapping
from typing import Any

from health_bridge.cluster.following import Following
from health_bridge.cluster.kube import NODES, Kube
from health_bridge.decision.nodes import Keys, Node, read_node
from program.watch import Object


class NodeStore:
    """Nodes by name; complete once the first list is in. Safe to use from several threads."""

    def __init__(self, keys: Keys) -> None:
        """Start empty."""
        self._keys = keys
        self._lock = threading.Lock()
        self._nodes: dict[str, Node] = {}

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


class WatchedFleet:
    """The nodes as the store has them, one by one and written by way of the kube-apiserver."""

    def __init__(self, kube: Kube, keys: Keys, *, selector: str, stale_after: float) -> None:
        """Prepare; what the server said counts for `stale_after` seconds after it last did."""
        self._kube = kube
        self._store = NodeStore(keys)
        self._following = Following(
            kube.all_nodes(selector), self._store, NODES, stale_after=stale_after
        )

    def start(self) -> None:
        """Begin to follow the nodes."""
        self._following.start()

    def stop(self) -> None:
        """Follow no further than the watch that is open now."""
        self._following.stop()

    def nodes(self, selector: str = "") -> list[Node]:  # noqa: ARG002 - the watch has it
        """Return the nodes that the watch selects; KubeError where nobody vouches for them now."""
        self._following.check()
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
