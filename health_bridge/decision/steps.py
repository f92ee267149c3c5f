"""The steps a decision is made of: what to change on one node, and nothing that stays."""

from collections.abc import Iterator
from dataclasses import dataclass

from health_bridge.decision.nodes import ConditionState, Node, Taint


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAnnotation:
    """Write an annotation of ours; None removes it."""

    key: str
    value: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTaint:
    """Put a taint of ours on the node, or change its value and effect."""

    taint: Taint


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveTaint:
    """Take a taint of ours away."""

    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetCondition:
    """Write a condition of ours."""

    type: str
    state: ConditionState
    transition: bool
    """The status changes, and lastTransitionTime with it; else only reason or message do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveCondition:
    """Take a condition of ours away, which nothing maintains any more."""

    type: str


Step = SetAnnotation | SetTaint | RemoveTaint | SetCondition | RemoveCondition


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSteps:
    """What to do to one node, decided on the node as it was read."""

    node: Node
    steps: tuple[Step, ...]


def kind(step: Step) -> str:
    """Return the step's kind as the metrics name it."""
    match step:
        case SetAnnotation():
            return "set_annotation"
        case SetTaint():
            return "set_taint"
        case RemoveTaint():
            return "remove_taint"
        case SetCondition():
            return "set_condition"
        case RemoveCondition():
            return "remove_condition"


def describe(plan: NodeSteps) -> Iterator[str]:
    """Yield one line a step, for a person."""
    for step in plan.steps:
        yield f"{plan.node.name}: {say(step)}"


def say(step: Step) -> str:
    """Return the step in words, for a person."""
    match step:
        case SetAnnotation(value=None):
            return f"remove annotation {step.key}"
        case SetAnnotation():
            return f"set annotation {step.key}={step.value}"
        case SetTaint():
            return f"set taint {step.taint.key}={step.taint.value}:{step.taint.effect}"
        case RemoveTaint():
            return f"remove taint {step.key}"
        case SetCondition():
            return (
                f"set condition {step.type}={step.state.status} "
                f"({step.state.reason}): {step.state.message}"
            )
        case RemoveCondition():
            return f"remove condition {step.type}"
