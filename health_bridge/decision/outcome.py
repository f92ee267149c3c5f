"""One node's part of the decision: its conditions, its taints, its record. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from catalog.conditions import BY_TYPE
from catalog.faults import Scope
from catalog.verdicts import Verdict
from health_bridge.decision.conditions import (
    Before,
    Gaze,
    wanted_condition,
    wanted_taint,
    with_word,
)
from health_bridge.decision.nodes import ConditionState, Node, Taint
from health_bridge.decision.policy import Policy
from health_bridge.decision.record import Fault, Owned, Past, Record, dump_faults
from health_bridge.decision.sight import Sight
from health_bridge.decision.steps import (
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
    new: frozenset[str] = frozenset()
    """Nodes that are taken from now on."""


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
    found: list[Outcome] = []
    for condition in sorted({*maintained(node, context.policy), *(f.condition for f in faults)}):
        of_condition = [fault for fault in faults if fault.condition == condition]
        unseen = _unseen(condition, node.name, context)
        gaze = Gaze(observed=unseen is None, blind=_is_past_grace(unseen, context))
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


def maintained(node: Node, policy: Policy) -> Iterator[str]:
    """Yield the conditions that the proofs maintain on a node.

    Those of domains and lines are maintained where the node's labels say that it is in one.
    """
    for condition in policy.proofs.conditions:
        scopes = set(BY_TYPE[condition].scopes)
        if scopes == {Scope.DOMAIN}:
            wanted = bool(node.tiers or node.leaves)
        elif scopes == {Scope.LINE}:
            wanted = policy.line_label in node.labels
        else:
            wanted = True
        if wanted:
            yield condition


def is_wide(condition: str) -> bool:
    """Whether a condition is of domains or lines, and observed elsewhere than on its node."""
    return {Scope.DOMAIN, Scope.LINE}.issuperset(BY_TYPE[condition].scopes)


def ceiling(condition: str, node: Node, policy: Policy) -> Verdict:
    """Return the worst verdict that a condition's taint may have: paused, what it has already."""
    if not policy.paused:
        return Verdict.DRAIN
    key = policy.keys.taint(condition)
    values = {taint.value for taint in node.taints if taint.key == key}
    return max((each for each in Verdict if each.label in values), default=Verdict.OBSERVE)


def _unseen(condition: str, node: str, context: Context) -> float | None:
    sight = context.sight
    observed = sight.observed_anywhere if is_wide(condition) else sight.observed(node)
    if observed.issuperset(context.policy.proofs.facilities(condition)):
        return None
    return context.memory.get((node, condition), context.sight.now)


def is_blind(condition: str, node: str, context: Context) -> bool:
    """Whether something that a condition reads has not been observed for longer than the grace."""
    return _is_past_grace(_unseen(condition, node, context), context)


def _is_past_grace(unseen: float | None, context: Context) -> bool:
    return unseen is not None and context.sight.now - unseen > context.policy.blind_grace


def plan(  # noqa: PLR0913 - what is known of one node
    node: Node,
    record: Record,
    faults: Sequence[Fault],
    conditions: Sequence[Outcome],
    context: Context,
    *,
    history: Mapping[tuple[str, str], Past],
    boot: str | None,
) -> NodeSteps:
    """Return the steps from the node as it is to what becomes of it; none where that is the same.

    The record comes first and its write carries the taints too: whatever crash follows, the node
    tells what was decided, and the conditions are made to agree with it. `boot` is the one whose
    devices are proven complete and healthy.
    """
    taints = {each.taint.key: each.taint for each in conditions if each.taint is not None}
    orphans = _orphans(node, record, {each.type for each in conditions})
    owned = Owned(
        taints=tuple(taints),
        conditions=dict.fromkeys(orphans, "") | {c.type: c.status for c in conditions if c.status},
        sources=tuple({*record.owned.sources, *context.sight.vouching(node.name)}),
        taken=int(context.sight.now) if node.name in context.new else record.owned.taken,
        arrival=record.owned.arrival,
    )
    keys = context.policy.keys
    steps: list[Step] = [
        *_annotate(keys.devices, node.devices, dump_faults(faults, history)),
        *_annotate(keys.owned, node.owned, None if owned == Owned() else owned.dump()),
        *_annotate(keys.verified_boot, node.verified_boot, boot),
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
