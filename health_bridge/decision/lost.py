"""A True condition whose faults nobody tells any more: held until a person looks. Pure.

Somebody has removed or damaged the annotation that told them. That is no proof of health: the
condition and its taint stay until the owner releases the node.
"""

from dataclasses import replace

from catalog import wire
from catalog.conditions import ACCELERATORS_UNVERIFIED
from catalog.verdicts import Verdict
from health_bridge.decision.conditions import TRUE
from health_bridge.decision.nodes import Node
from health_bridge.decision.policy import Policy
from health_bridge.decision.record import Fault, Owned, Record

RECORD_LOST = "RecordLost"
"""Ends the name of the fault that stands for those of a True condition that nothing else tells."""

_LOST = (
    "The annotation that told this condition's faults is gone. Nothing proves that they are: "
    "look at the node, then run `railwatch-bridge release` on it."
)


def with_lost(node: Node, record: Record, policy: Policy, now: float) -> Record:
    """Return the record with a fault for each True condition that it does not account for.

    AcceleratorsUnverified is told anew by what it stands on, and needs no stand-in.
    """
    accounted = {fault.condition for fault in record.faults} | {ACCELERATORS_UNVERIFIED.type}
    lost = [
        condition
        for condition in sorted({*node.conditions, *record.owned.conditions})
        if condition not in accounted and _is_true(condition, node, record.owned)
    ]
    if not lost:
        return record
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
