"""The decision: nodes, what the sources say, and what the owner allows, to steps. Pure.

Every cycle decides everything anew. Given the same nodes and sources it decides the same, whatever
came before; the only memory is since when a condition's telemetry is missing, and losing that
only restarts the grace.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from catalog import wire
from catalog.verdicts import Verdict
from health_bridge.alerts import merge
from health_bridge.budget import Ledger, holds, settle
from health_bridge.conditions import TRUE, UNKNOWN
from health_bridge.nodes import Node
from health_bridge.outcome import Context, Memory, ceiling, conditions_of, plan
from health_bridge.policy import Policy
from health_bridge.record import APPLIED, WITHHELD, Fault, Owned, Record, read_record, with_action
from health_bridge.recovery import Findings, open_faults, open_questions
from health_bridge.sight import Questions, Sight
from health_bridge.steps import NodeSteps

RECORD_LOST = "RecordLost"
"""Ends the name of the fault that stands for those of a True condition that nothing else tells."""

_LOST = (
    "The annotation that told this condition's faults is gone. Nothing proves that they are: "
    "look at the node, then run `railwatch-bridge release` on it."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do, and what it was derived from, for the metrics."""

    plans: tuple[NodeSteps, ...]
    memory: Memory
    ledger: Ledger
    faults: Mapping[str, tuple[Fault, ...]] = field(default_factory=dict)
    """Node → its open faults, with what becomes of them."""
    managed: int = 0
    unmanaged: int = 0
    blind: frozenset[str] = frozenset()
    """Nodes with a condition that is Unknown from now on."""
    verified: Mapping[str, int] = field(default_factory=dict)
    """How many nodes carry a person's word, by what it is worth."""
    suspected: int = 0
    unknown_nodes: int = 0
    """Findings about nodes that are not there or not managed."""


def questions(nodes: Sequence[Node], sight: Sight, policy: Policy) -> Questions:
    """Return the proofs to ask for before deciding."""
    findings = merge(sight.findings)
    records = {node.name: _record(node) for node in nodes if node.managed}
    return open_questions(records, findings, policy.proofs)


def decide(nodes: Sequence[Node], sight: Sight, policy: Policy, memory: Memory) -> Decision:
    """Return the steps that bring every managed node to where it shall be."""
    managed = sorted((node for node in nodes if node.managed), key=lambda node: node.name)
    findings = merge(sight.findings)
    records = {node.name: _with_lost(node, policy, sight.now) for node in managed}
    faults = {
        name: open_faults(name, record, findings.get(name, {}), sight, policy)
        for name, record in records.items()
    }
    ledger = settle(managed, faults, policy.budget, policy.keys, paused=policy.paused)
    settled = {node.name: _settled(node, faults[node.name], ledger, policy) for node in managed}
    context = Context(sight=sight, policy=policy, memory=memory)
    plans: list[NodeSteps] = []
    unseen: dict[tuple[str, str], float] = {}
    blind: set[str] = set()
    for node in managed:
        record = records[node.name]
        conditions = conditions_of(node, record, settled[node.name], context)
        unseen |= {(node.name, c.type): c.unseen for c in conditions if c.unseen is not None}
        blind |= {node.name for c in conditions if c.status == UNKNOWN}
        plans.append(plan(node, record, settled[node.name], conditions, context))
    return Decision(
        plans=tuple(each for each in plans if each.steps),
        memory=unseen,
        ledger=ledger,
        faults={name: of_node for name, of_node in settled.items() if of_node},
        managed=len(managed),
        unmanaged=len(nodes) - len(managed),
        blind=frozenset(blind),
        verified=Counter(
            record.verified.worth(sight.now) for record in records.values() if record.verified
        ),
        suspected=_suspected(findings, records),
        unknown_nodes=sum(len(told) for name, told in findings.items() if name not in records),
    )


def _record(node: Node) -> Record:
    return read_record(node.devices, node.owned, node.verified)


def _with_lost(node: Node, policy: Policy, now: float) -> Record:
    """Return the record with a fault for each True condition that it does not account for.

    Somebody has removed or damaged the annotation. That is no proof of health: the condition and
    its taint stay until the owner releases the node.
    """
    record = _record(node)
    accounted = {fault.condition for fault in record.faults}
    lost = [
        condition
        for condition in sorted({*node.conditions, *record.owned.conditions})
        if condition not in accounted and _is_true(condition, node, record.owned)
    ]
    stand_ins = (_stand_in(condition, node, policy, now) for condition in lost)
    return replace(record, faults=(*record.faults, *stand_ins))


def _is_true(condition: str, node: Node, owned: Owned) -> bool:
    current = node.conditions.get(condition)
    decided = owned.conditions.get(condition, current.status if current else "")
    return decided == TRUE


def _stand_in(condition: str, node: Node, policy: Policy, now: float) -> Fault:
    """Return a fault as harsh as the taint that is there; no proof names it, so it stays."""
    key = policy.keys.taint(condition)
    values = {taint.value for taint in node.taints if taint.key == key}
    return Fault(
        device=wire.NODE,
        name=wire.NODE,
        fault=condition + RECORD_LOST,
        condition=condition,
        verdict=max((each for each in Verdict if each.label in values), default=Verdict.OBSERVE),
        since=int(now),
        evidence=_LOST,
    )


def _settled(
    node: Node, faults: Sequence[Fault], ledger: Ledger, policy: Policy
) -> tuple[Fault, ...]:
    """Return the faults with what becomes of each.

    The budget withholds what takes the node, a pause whatever is worse than what is there.
    """

    def is_withheld(fault: Fault) -> bool:
        over_budget = node.name in ledger.withheld and holds(fault.verdict)
        return over_budget or fault.verdict > ceiling(fault.condition, node, policy)

    return tuple(
        with_action(fault, WITHHELD if is_withheld(fault) else APPLIED) for fault in faults
    )


def _suspected(findings: Mapping[str, Findings], records: Mapping[str, Record]) -> int:
    """Count the pending alerts of faults that are not open."""
    known = {(name, fault.key) for name, record in records.items() for fault in record.faults}
    return sum(
        not finding.firing and (name, key) not in known
        for name, told in findings.items()
        if name in records
        for key, finding in told.items()
    )
