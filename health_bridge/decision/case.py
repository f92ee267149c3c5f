"""One node's case: the states of its faults, its conditions, its history, its steps. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from health_bridge.decision.damping import remember
from health_bridge.decision.domains import is_stood_for_by
from health_bridge.decision.nodes import Node
from health_bridge.decision.outcome import Context, Outcome, conditions_of, is_blind, plan
from health_bridge.decision.record import Fault, Past, Record
from health_bridge.decision.recovery import Findings, provers
from health_bridge.decision.states import State, state_of, told_state
from health_bridge.decision.steps import NodeSteps

Key = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What was decided of one node."""

    plan: NodeSteps
    faults: tuple[Fault, ...]
    states: Mapping[Key, State]
    outcomes: tuple[Outcome, ...]
    tally: Mapping[tuple[str, State], int]
    """(condition, state) → its open faults, and those it remembers."""


def case_of(  # noqa: PLR0913 - what is known of one node
    node: Node,
    record: Record,
    faults: tuple[Fault, ...],
    findings: Findings,
    context: Context,
    *,
    boot: str | None,
) -> Case:
    """Return what becomes of a node with these open faults; `boot` is its verified one."""
    history = remember(record, faults, context.sight.now, context.policy.flap_window)
    states = _states(node, record, faults, findings, context)
    told = tuple(
        replace(fault, state=told_state(states[fault.key], fault.state)) for fault in faults
    )
    outcomes = conditions_of(node, record, told, context)
    return Case(
        plan=plan(node, record, told, outcomes, context, history=history, boot=boot),
        faults=told,
        states=states,
        outcomes=outcomes,
        tally=_tally(told, states, history, context),
    )


def _states(
    node: Node,
    record: Record,
    faults: Sequence[Fault],
    findings: Findings,
    context: Context,
) -> dict[Key, State]:
    proofs = context.policy.proofs.faults
    states: dict[Key, State] = {}
    for fault in faults:
        proof = proofs.get(fault.fault)
        narrow = (each.key for each in faults if is_stood_for_by(each, fault))
        states[fault.key] = state_of(
            node.name,
            fault,
            finding=next((findings[key] for key in (fault.key, *narrow) if key in findings), None),
            proof=proof,
            sources=provers(node.name, record, proof, context.sight),
            sight=context.sight,
            blind=is_blind(fault.condition, node.name, context),
        )
    return states


def _tally(
    faults: Sequence[Fault],
    states: Mapping[Key, State],
    history: Mapping[Key, Past],
    context: Context,
) -> Counter[tuple[str, State]]:
    tally = Counter((fault.condition, states[fault.key]) for fault in faults)
    proofs = context.policy.proofs.faults
    tally.update(
        (proofs[fault].condition, State.CLEARED)
        for fault, device in history
        if (fault, device) not in states and fault in proofs
    )
    return tally
