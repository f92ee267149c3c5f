"""Makes the cluster say what is believed: at a rate, and only where it does not say so yet."""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from catalog.scheduler_topology import (
    CONFLICTED,
    DELETED,
    FAILED,
    FOREIGN_HYPERNODES,
    FOREIGN_OBJECT,
    NODE,
    OVERWRITTEN,
    RESOURCE_TOPOLOGY,
    WRITTEN,
)
from catalog.wire import PREFIX
from program.rate import Bucket
from scheduler_feedback.errors import Conflict, KubeError, NotFound
from scheduler_feedback.publish.cluster import PublishKube
from scheduler_feedback.publish.node import Belief, Node, change, only_to
from scheduler_feedback.publish.objects import (
    HYPERNODES,
    TOPOLOGIES,
    Kind,
    Specs,
    Tiers,
    attributes,
    hypernodes,
    is_ours,
    topologies,
)

log = logging.getLogger(__name__)

_LOSSES = 3
"""How often attributes are put on again that somebody takes off; then they are left to them."""


@dataclass(slots=True)
class Writer:
    """Writes; what it remembers is only how often its attributes were taken off again."""

    cluster: PublishKube
    stop: threading.Event
    leading: Callable[[], bool]
    rate: float
    prefix: str = PREFIX
    counted: Callable[[str, str], None] = lambda _kind, _result: None
    conflicts: Counter[str] = field(default_factory=Counter)
    """What was in the way in this round."""
    failed: int = 0
    """Writes and lists of this round that came to nothing."""
    _losses: Counter[str] = field(default_factory=Counter)
    _written: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def write(self, nodes: Sequence[Node], beliefs: Mapping[str, Belief]) -> None:
        """Write everything that is to be."""
        self.conflicts, self.failed = Counter(), 0
        bucket = Bucket(self.rate)
        for node in nodes:
            patch = change(node, beliefs[node.name], self.prefix)
            if patch:
                act = partial(self.cluster.patch_node, node.name, only_to(node, patch))
                self._write(bucket, NODE, act)
        tiers = {
            node.name: node.tiers if beliefs[node.name].kept else beliefs[node.name].tiers
            for node in nodes
        }
        self._keep(bucket, TOPOLOGIES, topologies(tiers, self.prefix))
        self._keep(bucket, HYPERNODES, hypernodes(tiers))
        self._keep_attributes(bucket, tiers)

    def _keep(self, bucket: Bucket, kind: Kind, wanted: Specs) -> None:
        """Make the objects of a kind that are ours those that are wanted."""
        try:
            version = self.cluster.served(kind)
            found = self.cluster.objects(kind, version) if version else []
        except KubeError as error:
            self._failure(kind.name, "list", error)
            return
        ours = {each["metadata"]["name"]: each for each in found if is_ours(each)}
        others = {each["metadata"]["name"] for each in found} - ours.keys()
        if kind is HYPERNODES and others:
            self.conflicts[FOREIGN_HYPERNODES] += 1
            wanted = {}
        for name, each in ours.items():
            if each["metadata"].get("deletionTimestamp"):
                continue  # Kueue holds a Topology while a ResourceFlavor names it
            same = each.get("spec") == wanted.get(name)
            if name not in wanted or (kind is TOPOLOGIES and not same):  # its levels are immutable
                act = partial(self.cluster.delete, kind, version, each)
                self._write(bucket, kind.name, act, DELETED)
            elif not same:
                act = partial(self.cluster.change, kind, version, each, wanted[name])
                self._write(bucket, kind.name, act)
        self.conflicts[FOREIGN_OBJECT] += len(others & wanted.keys())
        for name in wanted.keys() - ours.keys() - others if version else ():
            act = partial(self.cluster.create, kind, version, name, wanted[name])
            self._write(bucket, kind.name, act)

    def _keep_attributes(self, bucket: Bucket, tiers: Tiers) -> None:
        """Put our attributes where somebody publishes a NodeResourceTopology of a node."""
        try:
            there = self.cluster.serves_resource_topologies()
            found = self.cluster.resource_topologies() if there else []
        except KubeError as error:
            self._failure(RESOURCE_TOPOLOGY, "list", error)
            return
        for each in found:
            name = each["metadata"]["name"]
            now = each.get("attributes") or []
            wanted = attributes(now, tiers.get(name, ()), self.prefix)
            if now == wanted:
                continue
            if self._is_lost(name, tiers.get(name, ())):
                self.conflicts[OVERWRITTEN] += 1
                continue
            act = partial(self.cluster.set_attributes, each, wanted)
            if self._write(bucket, RESOURCE_TOPOLOGY, act):
                self._written[name] = tiers.get(name, ())

    def _is_lost(self, name: str, wanted: tuple[str, ...]) -> bool:
        """Whether somebody takes off again what is put on, and would go on doing so."""
        if wanted and self._written.get(name) == wanted:
            self._losses[name] += 1
        return self._losses[name] >= _LOSSES and bool(wanted)

    def _write(
        self, bucket: Bucket, kind: str, act: Callable[[], None], result: str = WRITTEN
    ) -> bool:
        """Do one thing, once it is its turn; return whether it was done."""
        while not bucket.take():
            self.stop.wait(bucket.wait())
            if self.stop.is_set():
                break
        if self.stop.is_set() or not self.leading():
            self.failed += 1
            return False
        try:
            act()
        except (Conflict, NotFound):
            self.failed += 1
            self.counted(kind, CONFLICTED)
            return False
        except KubeError as error:
            self._failure(kind, "write", error)
            return False
        self.counted(kind, result)
        return True

    def _failure(self, kind: str, what: str, error: KubeError) -> None:
        if not self.failed:  # once a round
            fields = {"kind": kind, "what": what, "reason": error.reason, "error": str(error)}
            log.warning("topology not published", extra=fields)
        self.failed += 1
        self.counted(kind, FAILED)
