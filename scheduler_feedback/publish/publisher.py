"""Publishes the topology: reads everything, believes what holds together, writes what differs.

Level by level: a round begins with nothing but what can be read now, and the last documents of
servers that do not answer. After a restart, or where another replica takes over, those are gone:
nodes that cannot be read then keep what stands on them until the grace is over again.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from catalog.scheduler_topology import CONTRADICTORY, MISCABLED, ON_NODE, TOO_LONG
from catalog.wire import PREFIX
from program.announce import About, Announcer
from scheduler_feedback.publish.merge import merge
from scheduler_feedback.publish.node import Belief, Node, read_node
from scheduler_feedback.publish.reader import Reader
from scheduler_feedback.publish.writer import Writer

log = logging.getLogger(__name__)

_SAID_OF = (MISCABLED, CONTRADICTORY)
_WAIT = 1.0
EVENT = "TopologyContradicted"


class Nodes:
    """A Store of nodes."""

    def __init__(
        self, stale_after: float, prefix: str = PREFIX, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin empty, and not fresh."""
        self._stale_after = stale_after
        self._prefix = prefix
        self._clock = clock
        self._nodes: dict[str, Node] = {}
        self._lock = threading.Lock()
        self._vouched_at: float | None = None

    def replace(self, nodes: Iterable[Mapping[str, Any]]) -> None:
        """Take a complete list for the whole truth."""
        found = {node["metadata"]["name"]: read_node(node, self._prefix) for node in nodes}
        with self._lock:
            self._nodes = found
        self.vouch()

    def put(self, node: Mapping[str, Any]) -> None:
        """Take one that was added or modified."""
        with self._lock:
            self._nodes[node["metadata"]["name"]] = read_node(node, self._prefix)

    def drop(self, node: Mapping[str, Any]) -> None:
        """Take note that one was deleted."""
        with self._lock:
            self._nodes.pop(node["metadata"]["name"], None)

    def vouch(self) -> None:
        """Take note that the kube-apiserver stands behind this state now."""
        self._vouched_at = self._clock()

    @property
    def fresh(self) -> bool:
        """Whether the state is complete and young enough to act on."""
        at = self._vouched_at
        return at is not None and self._clock() - at <= self._stale_after

    def all(self) -> list[Node]:
        """Return every node, by name."""
        with self._lock:
            return sorted(self._nodes.values(), key=lambda node: node.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one round found."""

    sources: Mapping[str, int]
    """Nodes with tiers, by whence they are."""
    unplaced: Mapping[str, int]
    kept: int
    conflicts: Mapping[str, int]
    succeeded_at: float | None
    """When the last round ended in which everything was written; None where none did yet."""


@dataclass(slots=True)
class Publisher:
    """Publishes for as long as this replica leads."""

    nodes: Nodes
    reader: Reader
    writer: Writer
    announcer: Announcer
    leading: Callable[[], bool]
    wall: Callable[[], float] = time.time
    round: Round | None = None
    """What the last round found; None while another replica leads."""
    _succeeded_at: float | None = field(default=None)

    def run(self, stop: threading.Event, interval: float) -> None:
        """Publish until stopped, a round each `interval`."""
        while not stop.is_set():
            if self.leading() and self.nodes.fresh:
                self.publish()
                stop.wait(interval)
            else:
                if not self.leading():
                    self.round = None
                stop.wait(_WAIT)

    def publish(self) -> Round:
        """Read, believe and write once."""
        sight = self.reader.look(self.nodes.all())
        nodes = self.nodes.all()  # as they are now: asking all of them takes its time
        beliefs = merge(nodes, sight)
        self._tell(nodes, beliefs)
        self.writer.write(nodes, beliefs)
        if not self.writer.failed:
            self._succeeded_at = self.wall()
        self.round = self._round(nodes, beliefs)
        return self.round

    def _tell(self, nodes: Iterable[Node], beliefs: Mapping[str, Belief]) -> None:
        for node in nodes:
            belief = beliefs[node.name]
            if belief.reason in _SAID_OF:
                about = About(kind="Node", name=node.name, uid=node.uid)
                told = f"it gets no topology labels: {belief.reason}: {belief.detail}"
                self.announcer.say(about, EVENT, told, warning=True)

    def _round(self, nodes: Iterable[Node], beliefs: Mapping[str, Belief]) -> Round:
        conflicts = Counter(self.writer.conflicts)
        conflicts[ON_NODE] += sum(b.reason in _SAID_OF for b in beliefs.values())
        conflicts[TOO_LONG] += sum(b.too_long for b in beliefs.values())
        kept = [node for node in nodes if beliefs[node.name].kept]
        sources = Counter(b.source for b in beliefs.values() if b.source and not b.kept)
        sources.update(node.source for node in kept if node.tiers)
        return Round(
            sources=sources,
            unplaced=Counter(b.reason for b in beliefs.values() if b.reason),
            kept=len(kept),
            conflicts=conflicts,
            succeeded_at=self._succeeded_at,
        )
