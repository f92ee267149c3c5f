"""How long a fault takes from its alert to the node, hop by hop.

It stands between the writer and the nodes, and so sees when each write has been answered. Only
faults that are new and began while this replica ran are timed, once they are written: a fault found
at the start has waited for nobody.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from catalog import bridge
from health_bridge.cluster.apply import Nodes
from health_bridge.decision.conditions import TRUE
from health_bridge.decision.decide import Decision
from health_bridge.decision.nodes import Node
from health_bridge.decision.record import read_record
from health_bridge.decision.steps import NodeSteps, SetCondition, SetTaint

SEEN, DECIDED, TAINT, CONDITION, TOTAL = bridge.HOPS

Observe = Callable[[str, float], None]
"""Takes a hop and its seconds."""


@dataclass(slots=True, kw_only=True)
class _Awaited:
    """One node's new faults, on their way to it."""

    since: tuple[int, ...]
    taint: bool
    condition: bool
    begun: bool = False
    """One of its writes has been answered."""


class Stopwatch:
    """Passes writes on, and times those that carry new faults."""

    def __init__(
        self,
        nodes: Nodes,
        observe: Observe,
        *,
        started: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Time what is written to `nodes`; `started` is when this replica did, Unix seconds."""
        self._nodes = nodes
        self._observe = observe
        self._started = started
        self._clock = clock
        self._seen = 0.0
        self._decided = 0.0
        self._awaited: dict[str, _Awaited] = {}

    def saw(self) -> None:
        """Remember that the sources have answered now."""
        self._seen = self._clock()

    def decided(self, decision: Decision) -> None:
        """Await the writes of a decision that was made now; those of the one before never came."""
        self._decided = self._clock()
        self._awaited = {
            plan.node.name: awaited
            for plan in decision.plans
            if (awaited := self._await(plan, decision)) is not None
        }

    def _await(self, plan: NodeSteps, decision: Decision) -> _Awaited | None:
        record = read_record(plan.node.devices, plan.node.owned)
        known = {fault.key for fault in record.faults}
        new = tuple(
            fault.since
            for fault in decision.faults.get(plan.node.name, ())
            if fault.key not in known and fault.since + 1 > self._started
        )
        if not new:
            return None
        return _Awaited(
            since=new,
            taint=any(isinstance(step, SetTaint) for step in plan.steps),
            condition=any(
                isinstance(step, SetCondition) and step.state.status == TRUE for step in plan.steps
            ),
        )

    def node(self, name: str) -> Node:
        """Return one node."""
        return self._nodes.node(name)

    def patch_node(self, name: str, patch: Mapping[str, Any]) -> Node:
        """Merge a patch into metadata and spec."""
        answer = self._nodes.patch_node(name, patch)
        awaited = self._awaited.get(name)
        if awaited is not None and awaited.taint:
            awaited.taint = False
            self._written(TAINT, awaited)
        return answer

    def patch_status(self, name: str, patch: Mapping[str, Any]) -> Node:
        """Merge a patch into the status, conditions by their type."""
        answer = self._nodes.patch_status(name, patch)
        awaited = self._awaited.get(name)
        if awaited is not None and awaited.condition:
            awaited.condition = False
            self._written(CONDITION, awaited)
        return answer

    def _written(self, hop: str, awaited: _Awaited) -> None:
        now, first, awaited.begun = self._clock(), not awaited.begun, True
        for since in awaited.since:
            if first:
                self._observe(SEEN, max(0.0, self._seen - since))
                self._observe(DECIDED, max(0.0, self._decided - self._seen))
            self._observe(hop, max(0.0, now - self._decided))
            if not (awaited.taint or awaited.condition):
                self._observe(TOTAL, max(0.0, now - since))


def quantile(buckets: Iterable[tuple[float, float]], share: float) -> float | None:
    """Return the bound under which a share of what cumulative buckets count is; None for none."""
    counted = list(buckets)
    total = counted[-1][1] if counted else 0
    return next((bound for bound, count in counted if total and count >= share * total), None)
