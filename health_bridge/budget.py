"""How much of the fleet may be taken away at once. Pure, and derived from the nodes alone.

Charged are nodes that pods cannot be placed on: tainted NoSchedule by us, cordoned by others, not
Ready. `avoid` takes nothing away and is not charged. Giving back never asks the budget.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from catalog.verdicts import Verdict
from health_bridge.nodes import NO_SCHEDULE, Keys, Node
from health_bridge.record import Fault
from health_bridge.settings import budget_size


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Who may be taken, and what that makes."""

    size: int
    taken: frozenset[str] = frozenset()
    """Nodes out of use, whoever took them, with those granted now."""
    granted: frozenset[str] = frozenset()
    """Nodes that may carry a NoSchedule taint of ours."""
    withheld: frozenset[str] = frozenset()
    """Nodes that would, were there budget."""


def holds(verdict: Verdict) -> bool:
    """Whether a verdict takes a node out of use."""
    return verdict.taint_effect == NO_SCHEDULE


def is_taken_by_us(node: Node, keys: Keys) -> bool:
    """Whether a taint of ours keeps pods off the node now."""
    ours = keys.taints
    return any(taint.key in ours and taint.effect == NO_SCHEDULE for taint in node.taints)


def settle(
    nodes: Sequence[Node],
    wanted: Mapping[str, Iterable[Fault]],
    budget: str,
    keys: Keys,
    *,
    paused: bool = False,
) -> Ledger:
    """Grant the budget: who has it keeps it, then the worst, then the oldest.

    `wanted` is node → its open faults. A node whose taint goes in this very cycle is still
    charged, as that write may fail. While `paused`, nobody new is granted anything.
    """
    size = budget_size(budget, len(nodes))
    ours = {node.name for node in nodes if is_taken_by_us(node, keys)}
    taken = ours | {node.name for node in nodes if node.cordoned or not node.ready}
    claims = {name: _claim(faults) for name, faults in wanted.items()}
    claimants = sorted((claim, name) for name, claim in claims.items() if claim is not None)
    granted: set[str] = set()
    withheld: set[str] = set()
    for _, name in claimants:
        if name in ours or (not paused and len(taken | {name}) <= size):
            granted.add(name)
            taken.add(name)
        else:
            withheld.add(name)
    return Ledger(
        size=size,
        taken=frozenset(taken),
        granted=frozenset(granted),
        withheld=frozenset(withheld),
    )


def _claim(faults: Iterable[Fault]) -> tuple[int, int] | None:
    """Return a node's place in the queue, None where nothing asks for it to be taken."""
    harsh = [fault for fault in faults if holds(fault.verdict)]
    if not harsh:
        return None
    return min((fault.rank[0], fault.rank[1]) for fault in harsh)
