"""One node's part of the decision: its conditions, its taints, its record. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from catalog.verdicts import Verdict
from health_bridge.conditions import Before, Gaze, wanted_condition, wanted_taint, with_word
from health_bridge.nodes import ConditionState, Node, Taint
from health_bridge.policy import Policy
from health_bridge.record import Fault, Owned, Record, dump_faults
from health_bridge.sight import Sight
from health_bridge.steps import (
    NodeSteps,
    RemoveCondition,
    RemoveTaint,
    SetAnnotation,
    SetCondition,
    SetTaint,
    Step,
)

Memory = Mapping[tuple[str, str], float]
"""(node, condition) → since when not everything it reads is observed, Unix seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the decision of every node shares."""

    sight: Sight
    policy: Policy
    memory: Memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What becomes of one condition of one node."""

    type: str
    state: ConditionState | None
    """None: it stays as it is."""
    status: str
    """Its status from now on, "" where it has none."""
    taint: Taint | None
    unseen: float | None
    """Since when not everything it reads is observed; None while all is."""


def conditions_of(
    node: Node, record: Record, faults: Sequence[Fault], context: Context
) -> tuple[Outcome, ...]:
    """Return what becomes of every condition that the proofs or an open fault maintain."""
    proofs = context.policy.proofs
    observed = context.sight.observed(node.name)
    found: list[Outcome] = []
    for condition in sorted({*proofs.conditions, *(fault.condition for fault in faults)}):
        of_condition = [fault for fault in faults if fault.condition == condition]
        unseen = _unseen(condition, node.name, observed, context)
        gaze = Gaze(observed=unseen is None, blind=_is_blind(unseen, context))
        current = node.conditions.get(condition)
        before = Before(
            status=current.status if current else "",
            recorded=record.owned.conditions.get(condition, ""),
        )
        state = wanted_condition(condition, before, of_condition, gaze, proofs)
        if state is not None and record.verified is not None:
            state = with_word(state, record.verified, of_condition, context.sight.now)
        found.append(
            Outcome(
                type=condition,
                state=state,
                status=state.status if state else before.recorded or before.status,
                taint=wanted_taint(
                    condition,
                    of_condition,
                    context.policy.keys,
                    ceiling(condition, node, context.policy),
                ),
                unseen=unseen,
            )
        )
    return tuple(found)


def ceiling(condition: str, node: Node, policy: Policy) -> Verdict:
    """Return the worst verdict that a condition's taint may have: paused, what it has already."""
    if not policy.paused:
        return Verdict.DRAIN
    key = policy.keys.taint(condition)
    values = {taint.value for taint in node.taints if taint.key == key}
    return max((each for each in Verdict if each.label in values), default=Verdict.OBSERVE)


def _unseen(condition: str, node: str, observed: frozenset[str], context: Context) -> float | None:
    if observed.issuperset(context.policy.proofs.facilities(condition)):
        return None
    return context.memory.get((node, condition), context.sight.now)


def _is_blind(unseen: float | None, context: Context) -> bool:
    return unseen is not None and context.sight.now - unseen > context.policy.blind_grace


def plan(
    node: Node,
    record: Record,
    faults: Sequence[Fault],
    conditions: Sequence[Outcome],
    context: Context,
) -> NodeSteps:
    """Return the steps from the node as it is to what becomes of it; none where that is the same.

    The record comes first and its write carries the taints too: whatever crash follows, the node
    tells what was decided, and the conditions are made to agree with it.
    """
    taints = {each.taint.key: each.taint for each in conditions if each.taint is not None}
    orphans = _orphans(node, record, {each.type for each in conditions})
    owned = Owned(
        taints=tuple(taints),
        conditions=dict.fromkeys(orphans, "") | {c.type: c.status for c in conditions if c.status},
        sources=tuple({*record.owned.sources, *context.sight.vouching(node.name)}),
    )
    steps: list[Step] = [
        *_annotate(context.policy.keys.devices, node.devices, dump_faults(faults)),
        *_annotate(
            context.policy.keys.owned, node.owned, None if owned == Owned() else owned.dump()
        ),
        *_taint(node, taints, context.policy.keys.taints),
        *(step for each in conditions for step in _set_condition(node, each)),
        *(RemoveCondition(type=condition) for condition in orphans),
    ]
    return NodeSteps(node=node, steps=tuple(steps))


def _annotate(key: str, present: str | None, wanted: str | None) -> Iterator[Step]:
    if present != wanted:
        yield SetAnnotation(key=key, value=wanted)


def _taint(node: Node, wanted: Mapping[str, Taint], ours: frozenset[str]) -> Iterator[Step]:
    for key in sorted(ours):
        present = [taint for taint in node.taints if taint.key == key]
        if key not in wanted:
            if present:
                yield RemoveTaint(key=key)
        elif [(taint.value, taint.effect) for taint in present] != [
            (wanted[key].value, wanted[key].effect)
        ]:
            yield SetTaint(taint=wanted[key])


def _set_condition(node: Node, outcome: Outcome) -> Iterator[Step]:
    present = node.conditions.get(outcome.type)
    if outcome.state is not None and outcome.state != present:
        changes = present is None or present.status != outcome.state.status
        yield SetCondition(type=outcome.type, state=outcome.state, transition=changes)


def _orphans(node: Node, record: Record, maintained: set[str]) -> list[str]:
    """Return the conditions we once wrote and whose faults the proofs file no longer has.

    They stay in the record until they are seen to be gone.
    """
    return sorted((node.conditions.keys() & record.owned.conditions.keys()) - maintained)
