"""What people are told on the node itself of a decision: Kubernetes Events, as values. Pure.

They follow from what the node told before and tells from now on, so that only what changes is said.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from catalog import bridge
from health_bridge.decision.conditions import UNKNOWN
from health_bridge.decision.nodes import Keys, Node
from health_bridge.decision.record import WITHHELD, Fault, Record, read_record
from health_bridge.decision.states import State
from health_bridge.decision.steps import NodeSteps, SetAnnotation, SetCondition
from program.announce import MAX_MESSAGE

_APPLIED, _WITHHELD, _CLEARED, _LOST, _VERIFIED = bridge.EVENT_REASONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing to say of a node; `about` is what makes two of them the same."""

    node: str
    uid: str
    reason: str
    message: str
    about: tuple[str, ...]

    @property
    def warning(self) -> bool:
        """Whether it is something bad."""
        return self.reason not in (_CLEARED, _VERIFIED)


def events_of(plan: NodeSteps, faults: Sequence[Fault], keys: Keys, now: float) -> Iterator[Event]:
    """Yield what a node's steps mean, once they are taken; `faults` are open from now on."""
    record = read_record(plan.node.devices, plan.node.owned, plan.node.verified)
    before = {fault.key: fault for fault in record.faults}
    for fault in faults:
        yield from _of_fault(plan.node, before.pop(fault.key, None), fault)
    for fault in before.values():
        yield _event(plan.node, _CLEARED, _who(fault) + _how(fault, record, now), *fault.key)
    for step in plan.steps:
        if isinstance(step, SetCondition) and step.transition and step.state.status == UNKNOWN:
            text = f"{step.type}: {step.state.message}"
            yield _event(plan.node, _LOST, text, step.type)
        elif isinstance(step, SetAnnotation) and step.key == keys.verified_boot and step.value:
            text = f"All that is expected of the node is there and healthy, in boot {step.value}"
            yield _event(plan.node, _VERIFIED, text, step.value)


def _of_fault(node: Node, before: Fault | None, fault: Fault) -> Iterator[Event]:
    if before is None or _outcome(before) != _outcome(fault):
        how = fault.withheld_by or fault.fence
        by = f" ({how})" if how else ""
        evidence = f"; {fault.evidence}" if fault.evidence else ""
        reason = _WITHHELD if fault.action == WITHHELD else _APPLIED
        text = f"{_who(fault)}: {fault.verdict.label} {fault.action}{by}{evidence}"
        yield _event(node, reason, text, *fault.key, fault.verdict.label, how)
    blind = State.BLIND.value
    if fault.state == blind and (before is None or before.state != blind):
        text = f"{_who(fault)}: not observed any more, and open until it is proven healthy"
        yield _event(node, _LOST, text, *fault.key)


def _outcome(fault: Fault) -> tuple[object, ...]:
    return fault.verdict, fault.action, fault.withheld_by, fault.fence


def _who(fault: Fault) -> str:
    where = fault.name if fault.name == fault.device else f"{fault.name} ({fault.device})"
    return f"{fault.fault} of {where}"


def _how(fault: Fault, record: Record, now: float) -> str:
    if record.verified is not None and record.verified.covers(fault.since, now):
        return ": over, a person vouches for the repair"
    return ": over, its recovery is proven"


def _event(node: Node, reason: str, text: str, *about: str) -> Event:
    return Event(
        node=node.name, uid=node.uid, reason=reason, message=text[:MAX_MESSAGE], about=about
    )
