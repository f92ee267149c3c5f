"""Nodes about which there was nothing to decide, and still is not: nearly all, nearly always.

Such a node has no fault, no history, no alert and no person's word, all that it is to be observed
by is observed, and nothing had to be written. While node and observation are what they were, the
decision about it is what it was, so it need not be made again. It still counts in every budget.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from health_bridge.decision.case import Case
from health_bridge.decision.nodes import Node
from health_bridge.decision.policy import Policy
from health_bridge.decision.record import Record
from health_bridge.decision.recovery import Findings
from health_bridge.decision.sight import Sight


@dataclass(frozen=True, slots=True)
class _Known:
    """What the decision about a node stood on."""

    node: Node
    observed: frozenset[str]
    sources: frozenset[str]


class Quiet:
    """Remembers across the cycles of one process; losing it costs time and nothing else."""

    def __init__(self) -> None:
        """Know nothing."""
        self._policy: Policy | None = None
        self._anywhere: frozenset[str] = frozenset()
        self._nodes: dict[str, _Known] = {}

    def others(
        self, nodes: Sequence[Node], findings: Mapping[str, Findings], sight: Sight, policy: Policy
    ) -> Sequence[Node]:
        """Return the nodes that have to be decided on."""
        policy = replace(policy, paused=False)
        if (policy, sight.observed_anywhere) != (self._policy, self._anywhere):
            self._policy, self._anywhere, self._nodes = policy, sight.observed_anywhere, {}
            return nodes
        if len(self._nodes) > len(nodes):
            there = {node.name for node in nodes}
            self._nodes = {name: k for name, k in self._nodes.items() if name in there}
        return [n for n in nodes if n.name in findings or not self._is_as_it_was(n, sight)]

    def _is_as_it_was(self, node: Node, sight: Sight) -> bool:
        known = self._nodes.get(node.name)
        return (
            known is not None
            and known.node is node
            and known.observed == sight.observed(node.name)
            and known.sources == sight.vouching(node.name)
        )

    def learn(self, cases: Iterable[Case], records: Mapping[str, Record], sight: Sight) -> None:
        """Take note of what was decided about the others."""
        for case in cases:
            node = case.plan.node
            if _is_quiet(case, records[node.name]):
                told = sight.observed(node.name), sight.vouching(node.name)
                self._nodes[node.name] = _Known(node, *told)
            else:
                self._nodes.pop(node.name, None)


def _is_quiet(case: Case, record: Record) -> bool:
    said = case.plan.steps or case.faults or record.faults or record.history or record.verified
    return not said and all(each.unseen is None for each in case.outcomes)
