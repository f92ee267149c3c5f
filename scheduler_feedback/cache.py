"""What is known of every node, kept by a watch and read by each request.

One thread writes (the watch), many read. A list replaces the whole state by one assignment, so
that no reader sees half of it; between lists single nodes are put and dropped.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from catalog.wire import PREFIX
from scheduler_feedback.health import NodeHealth, assess
from scheduler_feedback.placement.roster import Roster
from scheduler_feedback.share.names import Names

log = logging.getLogger(__name__)


class _Nodes:
    """The state of one list and the changes since."""

    __slots__ = ("all", "unfit")

    def __init__(self) -> None:
        self.all: dict[str, NodeHealth] = {}
        self.unfit: dict[str, NodeHealth] = {}

    def put(self, node: NodeHealth) -> None:
        self.all[node.name] = node
        if node.refusals:
            self.unfit[node.name] = node
        else:
            self.unfit.pop(node.name, None)

    def drop(self, name: str) -> None:
        for known in (self.all, self.unfit):
            known.pop(name, None)


class NodeCache:
    """Health of every node by name; complete once the first list is in."""

    def __init__(
        self,
        *,
        stale_after: float,
        prefix: str = PREFIX,
        clock: Callable[[], float] = time.monotonic,
        on_drain: Callable[[], None] = lambda: None,
        roster: Roster | None = None,
    ) -> None:
        """Start empty; `on_drain` is called when a node's drain taints have changed.

        `roster` is told of every node as well.
        """
        self.roster = Roster(Names(), prefix=prefix) if roster is None else roster
        self._stale_after = stale_after
        self._prefix = prefix
        self._clock = clock
        self._on_drain = on_drain
        self._nodes = _Nodes()
        self._vouched_at: float | None = None

    def replace(self, nodes: Iterable[Mapping[str, Any]]) -> None:
        """Take a complete list of Node objects for the whole truth."""
        fresh = _Nodes()
        for node in nodes:
            health = self._assess(node)
            fresh.put(health)
            self.roster.put(node, health)
        self.roster.keep(set(fresh.all))
        drains = _draining(self._nodes.all.values()) != _draining(fresh.all.values())
        self._nodes = fresh
        self.vouch()
        if drains:
            self._on_drain()

    def put(self, node: Mapping[str, Any]) -> None:
        """Take a Node object that was added or modified."""
        health = self._assess(node)
        before = self._nodes.all.get(health.name)
        self._nodes.put(health)
        self.roster.put(node, health)
        if _draining([before] if before else []) != _draining([health]):
            self._on_drain()

    def drop(self, node: Mapping[str, Any]) -> None:
        """Take note that a Node object was deleted."""
        self._nodes.drop(node["metadata"]["name"])
        self.roster.drop(node["metadata"]["name"])

    def vouch(self) -> None:
        """Take note that the kube-apiserver stands behind this state now."""
        self._vouched_at = self._clock()

    def _assess(self, node: Mapping[str, Any]) -> NodeHealth:
        health = assess(node, self._prefix)
        before = self._nodes.all.get(health.name)
        was = before.malformed if before else ""
        if health.malformed and health.malformed != was:
            log.warning("annotation unreadable", extra=_about(health.name, health.malformed))
        elif was and not health.malformed:
            log.info("annotation readable again", extra={"node": health.name})
        return health

    @property
    def age(self) -> float | None:
        """Seconds since the kube-apiserver last vouched for this state; None before it ever did."""
        return None if self._vouched_at is None else self._clock() - self._vouched_at

    @property
    def fresh(self) -> bool:
        """Whether the state is complete and young enough to act on."""
        age = self.age
        return age is not None and age <= self._stale_after

    @property
    def unfit(self) -> Mapping[str, NodeHealth]:
        """The nodes with something that keeps pods off."""
        return self._nodes.unfit

    @property
    def names(self) -> list[str]:
        """The nodes' names."""
        return list(self._nodes.all)

    def __len__(self) -> int:
        return len(self._nodes.all)

    def with_drain_taint(self) -> list[NodeHealth]:
        """Return the nodes with a drain taint, vouched for or not, or a drained device, by name."""
        known = list(self._nodes.all.values())
        return sorted(
            (n for n in known if n.drains or n.unvouched or n.fenced), key=lambda n: n.name
        )

    def withheld_gpus(self) -> Counter[str]:
        """Return how many GPUs are on refused nodes, by the worst condition of each."""
        counts: Counter[str] = Counter()
        for node in list(self._nodes.unfit.values()):
            counts[node.refusals[0].condition] += node.gpus
        return counts

    def malformed(self) -> int:
        """Return how many nodes have a devices annotation that cannot be read."""
        return sum(1 for node in list(self._nodes.all.values()) if node.malformed)


def _draining(nodes: Iterable[NodeHealth]) -> set[tuple[str, tuple[str, ...]]]:
    return {
        (n.name, (*(r.condition for r in n.drains), *(f.device for f in n.fenced)))
        for n in nodes
        if n.drains or n.fenced
    }


def _about(node: str, error: str) -> dict[str, str]:
    return {"node": node, "error": error}
