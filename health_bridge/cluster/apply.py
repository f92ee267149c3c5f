"""Steps to requests: each write carries the version of the node that it was decided on.

A conflict is read again and tried again, but only while everything of ours on the node is still as
it was: then only others have written, and their taints are taken as they are now. A node that was
created anew under its name has another uid and is left to the next cycle.

The Lease is looked at right before each request, by a clock that no other replica sets. A leader
that is paused between that look and its request may still send it: it then meets the version that
its successor has written, or, where that wrote nothing, is corrected in the successor's next cycle.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from health_bridge.cluster.errors import Conflict, Superseded
from health_bridge.decision.nodes import Node, merge_taints
from health_bridge.decision.record import format_time
from health_bridge.decision.steps import (
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


class Fleet(Nodes, Protocol):
    """The nodes, one by one and all together."""

    def nodes(self, selector: str = "") -> list[Node]:
        """Return the nodes that a label selector matches."""


class Writer:
    """Takes the steps of one node at a time; safe to use from several threads."""

    def __init__(
        self,
        nodes: Nodes,
        may_write: Callable[[], bool],
        on_conflict: Callable[[], None],
        wait: Callable[[], None] = lambda: None,
    ) -> None:
        """Write to `nodes` while `may_write` says so, each time once `wait` has returned."""
        self._nodes = nodes
        self._may_write = may_write
        self._on_conflict = on_conflict
        self._wait = wait

    def take(self, plan: NodeSteps, now: float) -> None:
        """Take a node's steps: the record with the taints at once, then the conditions.

        Where no taint changes, record and conditions are one write. A KubeError leaves the rest to
        the next cycle, which finds on the node what was decided.
        """
        node, conditions = plan.node, condition_patches(plan.steps, now)
        rest: Patch = {}
        if not conditions or any(isinstance(step, SetTaint | RemoveTaint) for step in plan.steps):
            node = self._write(node, self._nodes.patch_node, lambda at: main_patch(at, plan.steps))
        else:
            rest = _annotations(plan.steps)
        if conditions:
            self._write(
                node,
                self._nodes.patch_status,
                lambda at: status_patch(at, conditions, rest),
            )

    def _write(
        self,
        decided_on: Node,
        write: Callable[[str, Patch], Node],
        build: Callable[[Node], Patch],
    ) -> Node:
        node = decided_on
        for _ in range(ATTEMPTS):
            self._wait()
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


def lock(node: Node) -> Patch:
    """Make the API server refuse the patch if the node is not this version of this node."""
    return {"metadata": {"uid": node.uid, "resourceVersion": node.version}}


def main_patch(node: Node, steps: tuple[Step, ...]) -> Patch:
    """Return the merge patch of annotations and taints; taints are a list and replaced whole."""
    patch = lock(node)
    if annotations := _annotations(steps):
        patch["metadata"]["annotations"] = annotations
    wanted = {step.taint.key: step.taint for step in steps if isinstance(step, SetTaint)}
    removed = [step.key for step in steps if isinstance(step, RemoveTaint)]
    if wanted or removed:
        merged = merge_taints(node.taints, wanted, removed)
        patch["spec"] = {"taints": [taint.document() for taint in merged] or None}
    return patch


def status_patch(node: Node, conditions: list[Patch], annotations: Patch) -> Patch:
    """Return the strategic patch of conditions, and of annotations: the status carries both."""
    patch = lock(node)
    if annotations:
        patch["metadata"]["annotations"] = annotations
    return {**patch, "status": {"conditions": conditions}}


def _annotations(steps: tuple[Step, ...]) -> Patch:
    return {step.key: step.value for step in steps if isinstance(step, SetAnnotation)}


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
