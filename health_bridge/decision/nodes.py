"""A node as the bridge sees it: who it is, how it is, and what stands on it that is ours.

Everything else of the Node object is dropped at the read, so that thousands of nodes are small.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from catalog import wire
from catalog.conditions import BY_TYPE, CONDITIONS
from catalog.rails import parse_rails
from catalog.topology import COMPUTE

NO_SCHEDULE = "NoSchedule"

_MAX_TIER_DIGITS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The full keys of what the bridge writes, under the prefix that the owner chose."""

    prefix: str = wire.PREFIX
    labels: frozenset[str] = frozenset()
    """Node labels that settings name; of all others only the topology's are read."""

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
    def verified_boot(self) -> str:
        """Annotation with the boot whose devices were last proven complete and healthy."""
        return wire.key(wire.VERIFIED_BOOT, self.prefix)

    @property
    def lease_end(self) -> str:
        """Annotation in which the owner says when a rented node's lease ends."""
        return wire.key(wire.LEASE_END, self.prefix)

    @property
    def rails(self) -> str:
        """Annotation in which the publisher says, among more, which leaves a node is on."""
        return wire.key(wire.RAILS, self.prefix)

    @property
    def tier(self) -> str:
        """Begins the label of each topology tier; its number follows."""
        return wire.topology_key(wire.TIER, self.prefix)

    @property
    def managed(self) -> str:
        """Label whose value `false` means hands off."""
        return wire.key(wire.MANAGED, self.prefix)

    def taint(self, condition: str) -> str:
        """Key of the taint that goes with a condition type."""
        return _taint(condition, self.prefix)

    @property
    def taints(self) -> frozenset[str]:
        """Every taint key that is ours to write."""
        return _taints(self.prefix)


@cache
def _taint(condition: str, prefix: str) -> str:
    return wire.key(BY_TYPE[condition].taint, prefix)


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
    """One node; `conditions` holds our types only, the last five are raw annotations."""

    name: str
    uid: str
    version: str
    managed: bool = True
    ready: bool = True
    cordoned: bool = False
    """`spec.unschedulable`, which the bridge never sets: somebody else's cordon."""
    tiers: Mapping[int, str] = field(default_factory=dict)
    """Topology tier, 0 nearest the node → the domain it is in."""
    leaves: tuple[str, ...] = ()
    """The leaves that its compute ports reach, sorted; the nearest domain is called after one."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Those that the settings name."""
    gpus: tuple[int, int] = (0, 0)
    """How many the node has by its device plugin, and how many of them can be allocated."""
    gpu_parts: int = 1
    """How many of those one GPU is, where pods share GPUs; 0 where that is not known."""
    boot: str = ""
    """Id of the boot that its kubelet has reported last."""
    created: int = 0
    """Whole Unix seconds, 0 where it is not known."""
    taints: tuple[Taint, ...] = ()
    conditions: Mapping[str, ConditionState] = field(default_factory=dict)
    devices: str | None = None
    owned: str | None = None
    verified: str | None = None
    verified_boot: str | None = None
    lease_end: str | None = None

    def has_our_state_of(self, other: "Node") -> bool:
        """Whether a decision made on `other` holds here: same node, in the same hands and state."""
        return self._ours() == other._ours()  # noqa: SLF001 - of its own kind

    def _ours(self) -> tuple[object, ...]:
        notes = (self.devices, self.owned, self.verified, self.verified_boot)
        return self.uid, self.managed, self.boot, notes, self.conditions


def read_node(document: Mapping[str, Any], keys: Keys) -> Node:
    """Return the node that a Node object describes; absent and null fields are empty ones."""
    metadata = document["metadata"]
    spec, status = document.get("spec") or {}, document.get("status") or {}
    conditions = status.get("conditions") or []
    annotations, labels = metadata.get("annotations") or {}, metadata.get("labels") or {}
    return Node(
        name=metadata["name"],
        uid=metadata.get("uid", ""),
        version=metadata.get("resourceVersion", ""),
        managed=labels.get(keys.managed) != "false",
        ready=any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions),
        cordoned=bool(spec.get("unschedulable")),
        tiers=_tiers(labels, keys.tier),
        leaves=_leaves(annotations.get(keys.rails)),
        labels={key: labels[key] for key in keys.labels if labels.get(key)},
        gpus=(_gpus(status.get("capacity")), _gpus(status.get("allocatable"))),
        gpu_parts=_gpu_parts(labels),
        boot=(status.get("nodeInfo") or {}).get("bootID") or "",
        created=_created(metadata.get("creationTimestamp")),
        taints=tuple(_read_taint(taint) for taint in spec.get("taints") or []),
        conditions={c["type"]: _read_condition(c) for c in conditions if c.get("type") in BY_TYPE},
        devices=annotations.get(keys.devices),
        owned=annotations.get(keys.owned),
        verified=annotations.get(keys.verified),
        verified_boot=annotations.get(keys.verified_boot),
        lease_end=annotations.get(keys.lease_end),
    )


def _tiers(labels: Mapping[str, str], prefix: str) -> dict[int, str]:
    named = ((key.removeprefix(prefix), text) for key, text in labels.items() if text)
    return {
        int(tier): text
        for tier, text in named
        if tier.isascii() and tier.isdecimal() and len(tier) <= _MAX_TIER_DIGITS
    }


def _leaves(rails: str | None) -> tuple[str, ...]:
    """Return the leaves that an annotation names; none where it cannot be read."""
    try:
        places = parse_rails(rails)
    except wire.WireError:
        return ()
    ports = places.ports if places else ()
    return _same(tuple(sorted({p.leaf for p in ports if p.leaf and p.role == COMPUTE})))


@lru_cache(maxsize=4096)
def _same(leaves: tuple[str, ...]) -> tuple[str, ...]:
    """Return the one object for these leaves: the nodes of a unit share theirs."""
    return leaves


def _gpus(resources: Mapping[str, Any] | None) -> int:
    text = str((resources or {}).get(wire.GPU_RESOURCE, ""))
    return int(text) if text.isascii() and text.isdecimal() else 0


def _gpu_parts(labels: Mapping[str, str]) -> int:
    """Return how many a GPU counts for, as GPU feature discovery labels it.

    Shared in time or by MPS it is so many replicas; with MIG it is what its partitions are.
    """
    if wire.MIG_PRODUCT in labels.get(wire.GPU_PRODUCT, ""):
        return 0
    text = labels.get(wire.GPU_REPLICAS, "")
    known = text.isascii() and text.isdecimal()
    return max(1, int(text)) if known else 1


def _created(text: str | None) -> int:
    try:
        return int(datetime.fromisoformat(text).timestamp()) if text else 0
    except ValueError:
        return 0


def _read_taint(taint: Mapping[str, Any]) -> Taint:
    known = ("key", "value", "effect")
    return Taint(
        key=taint.get("key", ""),
        value=taint.get("value", ""),
        effect=taint.get("effect", ""),
        rest=tuple((name, value) for name, value in taint.items() if name not in known),
    )


def _read_condition(condition: Mapping[str, Any]) -> ConditionState:
    said = (condition.get(part) or "" for part in ("status", "reason", "message"))
    return _condition(*said)


@lru_cache(maxsize=1024)
def _condition(status: str, reason: str, message: str) -> ConditionState:
    """Return the one object for a state: thousands of healthy nodes say the same."""
    return ConditionState(status=status, reason=reason, message=message)


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
