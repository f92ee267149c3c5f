"""Steps to requests: each write carries the version of the node that it was decided on.

A conflict is read again and tried again, but only while everything of ours on the node is still as
it was: then only others have written, and their taints are taken as they are now. A node that was
created anew under its name has another uid and is left to the next cycle.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from health_bridge.errors import Conflict, Superseded
from health_bridge.nodes import Node, merge_taints
from health_bridge.record import format_time
from health_bridge.steps import (
    NodeSteps,
    RemoveCondition,
    RemoveTaint,
    SetAnnotation,
    SetCondition,
    SetTaint,
    Step,
)

ATTEMPTS = 6
"""Writes tried of one node before the next cycle decides anew."""

Patch = dict[str, Any]


class Nodes(Protocol):
    """Where nodes are kept."""

    def node(self, name: str) -> Node:
        """Return one node."""

    def patch_node(self, name: str, patch: Mapping[str, Any]) -> Node:
        """Merge a patch into metadata and spec."""

    def patch_status(self, name: str, patch: Mapping[str, Any]) -> Node:
        """Merge a patch into the status, conditions by their type."""


class Writer:
    """Takes the steps of one node at a time."""

    def __init__(
        self, nodes: Nodes, may_write: Callable[[], bool], on_conflict: Callable[[], None]
    ) -> None:
        """Write to `nodes` while `may_write` says so."""
        self._nodes = nodes
        self._may_write = may_write
        self._on_conflict = on_conflict

    def take(self, plan: NodeSteps, now: float) -> None:
        """Take a node's steps: the record with the taints at once, then the conditions.

        A KubeError leaves the rest to the next cycle, which finds on the node what was decided.
        """
        node = plan.node
        if any(_is_main(step) for step in plan.steps):
            node = self._write(node, self._nodes.patch_node, lambda at: main_patch(at, plan.steps))
        conditions = condition_patches(plan.steps, now)
        if conditions:
            self._write(
                node,
                self._nodes.patch_status,
                lambda at: {**lock(at), "status": {"conditions": conditions}},
            )

    def _write(
        self,
        decided_on: Node,
        write: Callable[[str, Patch], Node],
        build: Callable[[Node], Patch],
    ) -> Node:
        node = decided_on
        for _ in range(ATTEMPTS):
            if not self._may_write():
                raise Superseded(f"node {node.name}: another replica leads")
            try:
                return write(node.name, build(node))
            except Conflict:
                self._on_conflict()
                node = self._nodes.node(node.name)
                if not node.has_our_state_of(decided_on):
                    raise Superseded(f"node {node.name}: changed since the decision") from None
        raise Superseded(f"node {node.name}: others wrote {ATTEMPTS} times in a row")


def _is_main(step: Step) -> bool:
    return isinstance(step, SetAnnotation | SetTaint | RemoveTaint)


def lock(node: Node) -> Patch:
    """Make the API server refuse the patch if the node is not this version of this node."""
    return {"metadata": {"uid": node.uid, "resourceVersion": node.version}}


def main_patch(node: Node, steps: tuple[Step, ...]) -> Patch:
    """Return the merge patch of annotations and taints; taints are a list and replaced whole."""
    patch = lock(node)
    annotations = {step.key: step.value for step in steps if isinstance(step, SetAnnotation)}
    if annotations:
        patch["metadata"]["annotations"] = annotations
    wanted = {step.taint.key: step.taint for step in steps if isinstance(step, SetTaint)}
    removed = [step.key for step in steps if isinstance(step, RemoveTaint)]
    if wanted or removed:
        merged = merge_taints(node.taints, wanted, removed)
        patch["spec"] = {"taints": [taint.document() for taint in merged] or None}
    return patch


def condition_patches(steps: tuple[Step, ...], now: float) -> list[Patch]:
    """Return the strategic patch's conditions: our types alone, merged by type."""
    return [
        patch for step in steps if (patch := _condition_patch(step, format_time(now))) is not None
    ]


def _condition_patch(step: Step, now: str) -> Patch | None:
    match step:
        case RemoveCondition():
            return {"type": step.type, "$patch": "delete"}
        case SetCondition():
            return {
                "type": step.type,
                "status": step.state.status,
                "reason": step.state.reason,
                "message": step.state.message,
                "lastHeartbeatTime": now,
                **({"lastTransitionTime": now} if step.transition else {}),
            }
        case _:
            return None
