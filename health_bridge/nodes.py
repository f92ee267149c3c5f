"""A node as the bridge sees it: who it is, how it is, and what stands on it that is ours.

Everything else of the Node object is dropped at the read, so that thousands of nodes are small.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from catalog import wire
from catalog.conditions import BY_TYPE, CONDITIONS

NO_SCHEDULE = "NoSchedule"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The full keys of what the bridge writes, under the prefix that the owner chose."""

    prefix: str = wire.PREFIX

    @property
    def devices(self) -> str:
        """Annotation with the open faults of the node's devices."""
        return wire.key(wire.DEVICES, self.prefix)

    @property
    def owned(self) -> str:
        """Annotation with what we wrote on the node and who vouches for it."""
        return wire.key(wire.OWNED, self.prefix)

    @property
    def verified(self) -> str:
        """Annotation in which a person vouches for a repair."""
        return wire.key(wire.VERIFIED, self.prefix)

    @property
    def managed(self) -> str:
        """Label whose value `false` means hands off."""
        return wire.key(wire.MANAGED, self.prefix)

    def taint(self, condition: str) -> str:
        """Key of the taint that goes with a condition type."""
        return wire.key(BY_TYPE[condition].taint, self.prefix)

    @property
    def taints(self) -> frozenset[str]:
        """Every taint key that is ours to write."""
        return _taints(self.prefix)


@cache
def _taints(prefix: str) -> frozenset[str]:
    return frozenset(wire.key(condition.taint, prefix) for condition in CONDITIONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taint:
    """One taint; `rest` is whatever else it carries, kept as it came."""

    key: str
    value: str
    effect: str
    rest: tuple[tuple[str, Any], ...] = ()

    def document(self) -> dict[str, Any]:
        """Return the taint as it stands in a Node object."""
        filled = {"key": self.key, "value": self.value, "effect": self.effect}
        return {name: text for name, text in filled.items() if text} | dict(self.rest)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionState:
    """A node condition without its times."""

    status: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One node; `conditions` holds our types only, the last three are raw annotations."""

    name: str
    uid: str
    version: str
    managed: bool = True
    ready: bool = True
    cordoned: bool = False
    """`spec.unschedulable`, which the bridge never sets: somebody else's cordon."""
    taints: tuple[Taint, ...] = ()
    conditions: Mapping[str, ConditionState] = field(default_factory=dict)
    devices: str | None = None
    owned: str | None = None
    verified: str | None = None

    def has_our_state_of(self, other: "Node") -> bool:
        """Whether a decision made on `other` still holds here: same node, same record of ours."""
        return (self.uid, self.devices, self.owned, self.verified, self.conditions) == (
            other.uid,
            other.devices,
            other.owned,
            other.verified,
            other.conditions,
        )


def read_node(document: Mapping[str, Any], keys: Keys) -> Node:
    """Return the node that a Node object describes; absent and null fields are empty ones."""
    metadata = document["metadata"]
    spec = document.get("spec") or {}
    conditions = (document.get("status") or {}).get("conditions") or []
    annotations = metadata.get("annotations") or {}
    return Node(
        name=metadata["name"],
        uid=metadata.get("uid", ""),
        version=metadata.get("resourceVersion", ""),
        managed=(metadata.get("labels") or {}).get(keys.managed) != "false",
        ready=any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions),
        cordoned=bool(spec.get("unschedulable")),
        taints=tuple(_read_taint(taint) for taint in spec.get("taints") or []),
        conditions={c["type"]: _read_condition(c) for c in conditions if c.get("type") in BY_TYPE},
        devices=annotations.get(keys.devices),
        owned=annotations.get(keys.owned),
        verified=annotations.get(keys.verified),
    )


def _read_taint(taint: Mapping[str, Any]) -> Taint:
    known = ("key", "value", "effect")
    return Taint(
        key=taint.get("key", ""),
        value=taint.get("value", ""),
        effect=taint.get("effect", ""),
        rest=tuple((name, value) for name, value in taint.items() if name not in known),
    )


def _read_condition(condition: Mapping[str, Any]) -> ConditionState:
    return ConditionState(
        status=condition.get("status", ""),
        reason=condition.get("reason", ""),
        message=condition.get("message", ""),
    )


def merge_taints(
    present: Iterable[Taint], wanted: Mapping[str, Taint], removed: Iterable[str]
) -> tuple[Taint, ...]:
    """Return the taints with ours changed: every other stays as and where it is.

    A taint of ours that is there keeps its place; a second one of the same key goes.
    """
    merged: list[Taint] = []
    ours = {*wanted, *removed}
    left = dict(wanted)
    for taint in present:
        if taint.key not in ours:
            merged.append(taint)
        elif taint.key in left:
            merged.append(left.pop(taint.key))
    return (*merged, *(left[key] for key in sorted(left)))
