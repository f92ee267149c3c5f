"""What nodes would be like had the steps been taken: `--shadow`, and what a replay goes on from.

Only what is ours is imagined; all else of a node, a cordon or a foreign taint too, is as it really
is. Without it every cycle would find the nodes untouched, and a fault would be over as soon as its
alert is: no soak, no budget that is spent, no rate.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from health_bridge.decision.nodes import ConditionState, Keys, Node, Taint, merge_taints
from health_bridge.decision.steps import (
    NodeSteps,
    RemoveCondition,
    RemoveTaint,
    SetAnnotation,
    SetCondition,
    SetTaint,
)


def after(plan: NodeSteps, keys: Keys) -> Node:
    """Return the node as the steps would leave it. Pure."""
    node = plan.node
    notes: dict[str, str | None] = {}
    conditions = dict(node.conditions)
    wanted: dict[str, Taint] = {}
    removed: list[str] = []
    for step in plan.steps:
        match step:
            case SetAnnotation():
                notes[step.key] = step.value
            case SetTaint():
                wanted[step.taint.key] = step.taint
            case RemoveTaint():
                removed.append(step.key)
            case SetCondition():
                conditions[step.type] = step.state
            case RemoveCondition():
                conditions.pop(step.type, None)
    return replace(
        node,
        taints=merge_taints(node.taints, wanted, removed),
        conditions=conditions,
        devices=notes.get(keys.devices, node.devices),
        owned=notes.get(keys.owned, node.owned),
        verified_boot=notes.get(keys.verified_boot, node.verified_boot),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ours:
    """What is imagined of one node."""

    uid: str
    taints: tuple[Taint, ...]
    conditions: Mapping[str, ConditionState]
    devices: str | None
    owned: str | None
    verified_boot: str | None


class Shadow:
    """The nodes as they would be; in memory only, and begun anew by a restart."""

    def __init__(self, keys: Keys) -> None:
        """Imagine nothing yet: the nodes are as they are."""
        self._keys = keys
        self._ours: dict[str, _Ours] = {}

    def over(self, nodes: Iterable[Node]) -> list[Node]:
        """Return the nodes with what is imagined of them; those that are gone are forgotten."""
        seen = [self._over(node) for node in nodes]
        names = {node.name for node in seen}
        self._ours = {name: ours for name, ours in self._ours.items() if name in names}
        return seen

    def take(self, plans: Iterable[NodeSteps]) -> None:
        """Imagine the steps taken."""
        for plan in plans:
            made = after(plan, self._keys)
            self._ours[made.name] = _Ours(
                uid=made.uid,
                taints=tuple(taint for taint in made.taints if taint.key in self._keys.taints),
                conditions=made.conditions,
                devices=made.devices,
                owned=made.owned,
                verified_boot=made.verified_boot,
            )

    def _over(self, node: Node) -> Node:
        ours = self._ours.get(node.name)
        if ours is None or ours.uid != node.uid:
            return node
        real = (taint for taint in node.taints if taint.key not in self._keys.taints)
        return replace(
            node,
            taints=(*real, *ours.taints),
            conditions=ours.conditions,
            devices=ours.devices,
            owned=ours.owned,
            verified_boot=ours.verified_boot,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Imagined:
    """How many nodes would carry what."""

    taints: Mapping[tuple[str, str], int]
    """(condition, verdict) → nodes with that taint."""
    conditions: Mapping[tuple[str, str], int]
    """(condition, status) → nodes with that condition."""


def count(nodes: Sequence[Node], keys: Keys, types: Iterable[str]) -> Imagined:
    """Count what stands on nodes, of these condition types. Pure."""
    by_key = {keys.taint(condition): condition for condition in types}
    return Imagined(
        taints=Counter(
            (by_key[taint.key], taint.value)
            for node in nodes
            for taint in node.taints
            if taint.key in by_key
        ),
        conditions=Counter(
            (condition, state.status)
            for node in nodes
            for condition, state in node.conditions.items()
        ),
    )
