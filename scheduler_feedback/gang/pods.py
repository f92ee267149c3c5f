"""Pods as the gang planner sees them: whom a node is taken by, and who belongs together."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from catalog import wire
from scheduler_feedback.gang.fleet import Request
from scheduler_feedback.gang.markers import KUEUE, UPSTREAM, VOLCANO, engine_of, placed_by_kueue
from scheduler_feedback.gang.quantities import read_request
from scheduler_feedback.phase import has_ended
from scheduler_feedback.tolerations import Toleration, read_tolerations

HOSTNAME = "kubernetes.io/hostname"
_INDEX_LABELS = (
    "leaderworkerset.sigs.k8s.io/worker-index",
    "batch.kubernetes.io/job-completion-index",
    "apps.kubernetes.io/pod-index",
)
_TIER = re.compile(rf"{wire.TIER}([0-9]{{1,2}})")
_LARGEST_GANG = 100_000
_MOST_DIGITS = 9
"""Of a number that anybody may have written: thousands of them make int() fail."""


class TermsError(ValueError):
    """An annotation of a gang's pod makes no sense; the message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a pod says of the gang it belongs to."""

    gang: str
    size: int
    least: int
    required: int | None = None
    preferred: int | None = None
    slice_size: int = 1
    slice_tier: int | None = None
    across_sites: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The controller that made a pod."""

    api_version: str
    kind: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a pod takes of the node it is bound to."""

    uid: str
    node: str
    request: Request
    namespace: str = ""
    engine: str = ""
    """Who admitted the pod, where it was not our own controller."""
    going: bool = False
    """Whether the pod is being deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A pod of a gang."""

    namespace: str
    name: str
    uid: str
    version: str
    terms: Terms | None
    """None where what it says makes no sense."""
    problem: str
    """What makes no sense."""
    gang: str
    index: int
    request: Request
    node: str
    """Where it is bound."""
    pin: str
    """The hostname that it was let go for, bound or not."""
    pinned_at: float
    """When, in Unix seconds."""
    gated: bool
    """Whether it waits at our gate."""
    other_gates: tuple[str, ...]
    terminating: bool
    leaving: bool
    """Whether the drainer has asked it to leave."""
    gives_way: bool
    """Whether it was asked to, for its queue has borrowed what another is guaranteed."""
    created: float
    priority: int
    owner: Owner | None
    tolerations: tuple[Toleration, ...]
    selector: Mapping[str, str]
    affinity: tuple[Mapping[str, Any], ...]
    """The node selector terms that its node must meet one of; none: any node."""
    engine: str = ""
    """Who admits the pod, where it is not our own controller alone."""
    placed_by: str = ""
    """Who chooses its node in our place: then its gate is opened, and that is all."""

    @property
    def key(self) -> str:
        """Namespace and gang."""
        return f"{self.namespace}/{self.gang}"


def read_claim(pod: Mapping[str, Any]) -> Claim | None:
    """Return what a pod takes; None where it is not on a node, or has ended."""
    spec = pod.get("spec") or {}
    node = spec.get("nodeName") or ""
    if not node or has_ended(pod):
        return None
    meta = pod["metadata"]
    return Claim(
        uid=meta["uid"],
        node=node,
        request=read_request(spec),
        namespace=meta.get("namespace", ""),
        engine=engine_of(pod),
        going=bool(meta.get("deletionTimestamp")),
    )


def read_member(pod: Mapping[str, Any], prefix: str = wire.PREFIX) -> Member | None:
    """Return a pod of a gang; None for any other, and for one that has ended.

    One that waits, or waited, at our gate and names no gang is one by itself.
    """
    if has_ended(pod):
        return None
    gang = (pod["metadata"].get("labels") or {}).get(wire.key(wire.GANG, prefix))
    if gang:
        return _read(pod, gang, prefix)
    return read_alone(pod, prefix) if _was_gated(pod, prefix) else None


def _was_gated(pod: Mapping[str, Any], prefix: str) -> bool:
    gates = (pod.get("spec") or {}).get("schedulingGates") or ()
    notes = pod["metadata"].get("annotations") or {}
    ours = wire.key(wire.GANG, prefix)
    return wire.key(wire.GANG_PLACED, prefix) in notes or any(g["name"] == ours for g in gates)


def read_alone(pod: Mapping[str, Any], prefix: str = wire.PREFIX) -> Member:
    """Return any pod as the only one of a gang, which is how it is placed."""
    name = pod["metadata"]["name"]
    return replace(_read(pod, name, prefix), terms=Terms(gang=name, size=1, least=1), problem="")


def _read(pod: Mapping[str, Any], gang: str, prefix: str) -> Member:
    meta, spec = pod["metadata"], pod.get("spec") or {}
    annotations = meta.get("annotations") or {}
    gates = [gate["name"] for gate in spec.get("schedulingGates") or ()]
    ours = wire.key(wire.GANG, prefix)
    terms, problem = _terms(gang, annotations, prefix)
    pin, engine = _pin(spec, annotations, prefix), engine_of(pod)
    gives_way = wire.key(wire.GIVES_WAY_TO, prefix) in annotations
    return Member(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=meta["uid"],
        version=meta.get("resourceVersion", ""),
        terms=terms,
        problem=problem,
        gang=gang,
        index=_index(meta),
        request=read_request(spec),
        node=spec.get("nodeName") or "",
        pin=pin,
        pinned_at=_moment(annotations.get(wire.key(wire.GANG_PLACED, prefix))),
        gated=ours in gates,
        other_gates=tuple(gate for gate in gates if gate != ours),
        terminating=bool(meta.get("deletionTimestamp")),
        leaving=wire.key(wire.DRAIN_REQUESTED, prefix) in annotations and not gives_way,
        gives_way=gives_way,
        created=_moment(meta.get("creationTimestamp")),
        priority=spec.get("priority") or 0,
        owner=_owner(meta),
        tolerations=read_tolerations(pod),
        selector=spec.get("nodeSelector") or {},
        affinity=_affinity(spec),
        engine=engine,
        placed_by=_placed_by(pod, engine, pinned=bool(pin)),
    )


def _placed_by(pod: Mapping[str, Any], engine: str, *, pinned: bool) -> str:
    """Return who chooses a pod's node, where it is not us; `pinned` by us is ours."""
    if engine == UPSTREAM:
        return UPSTREAM
    if engine == VOLCANO and (pod.get("spec") or {}).get("schedulerName") == VOLCANO:
        return VOLCANO
    by_kueue = HOSTNAME in ((pod.get("spec") or {}).get("nodeSelector") or {}) or placed_by_kueue(
        pod
    )
    return KUEUE if engine == KUEUE and by_kueue and not pinned else ""


def _terms(gang: str, told: Mapping[str, str], prefix: str) -> tuple[Terms | None, str]:
    try:
        return _read_terms(gang, told, prefix), ""
    except TermsError as error:
        return None, str(error)


def _read_terms(gang: str, told: Mapping[str, str], prefix: str) -> Terms:
    size = _count(told, wire.GANG_SIZE, prefix)
    if size is None:
        raise TermsError(f"annotation {wire.key(wire.GANG_SIZE, prefix)} is missing")
    least = _count(told, wire.GANG_MIN, prefix) or size
    if least > size:
        raise TermsError(f"annotation {wire.key(wire.GANG_MIN, prefix)} is above the gang's size")
    return Terms(
        gang=gang,
        size=size,
        least=least,
        required=_tier(told, wire.GANG_REQUIRED, prefix),
        preferred=_tier(told, wire.GANG_PREFERRED, prefix),
        slice_size=_count(told, wire.GANG_SLICE_SIZE, prefix) or 1,
        slice_tier=_tier(told, wire.GANG_SLICE_REQUIRED, prefix),
        across_sites=told.get(wire.key(wire.GANG_ACROSS_SITES, prefix)) == "true",
    )


def _count(told: Mapping[str, str], name: str, prefix: str) -> int | None:
    text = told.get(wire.key(name, prefix))
    if text is None:
        return None
    short = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    number = int(text) if short else 0
    if not 0 < number <= _LARGEST_GANG:
        limit = f"1 to {_LARGEST_GANG}"
        raise TermsError(f"annotation {wire.key(name, prefix)}: {text[:40]!r} is not {limit}")
    return number


def _tier(told: Mapping[str, str], name: str, prefix: str) -> int | None:
    text = told.get(wire.key(name, prefix))
    if text is None:
        return None
    found = _TIER.fullmatch(text)
    if not found:
        raise TermsError(
            f"annotation {wire.key(name, prefix)}: {text[:40]!r} is not a tier such as tier-0"
        )
    return int(found[1])


def _pin(spec: Mapping[str, Any], annotations: Mapping[str, str], prefix: str) -> str:
    """Return the hostname that we pinned the pod to; a user's own selector is no pin of ours."""
    if wire.key(wire.GANG_PLACED, prefix) not in annotations:
        return ""
    return str((spec.get("nodeSelector") or {}).get(HOSTNAME, ""))


def _index(meta: Mapping[str, Any]) -> int:
    labels = meta.get("labels") or {}
    for label in _INDEX_LABELS:
        index = labels.get(label, "")
        if index.isascii() and index.isdigit():
            return int(index[:9])
    tail = re.search(r"([0-9]{1,9})$", meta["name"])
    return int(tail[1]) if tail else 0


def _moment(text: str | None) -> float:
    try:
        return datetime.fromisoformat(text).timestamp() if text else 0.0
    except (ValueError, OverflowError):
        return 0.0


def _owner(meta: Mapping[str, Any]) -> Owner | None:
    for owner in meta.get("ownerReferences") or ():
        if owner.get("controller"):
            return Owner(
                api_version=owner.get("apiVersion", ""),
                kind=owner.get("kind", ""),
                name=owner.get("name", ""),
                uid=owner.get("uid", ""),
            )
    return None


def _affinity(spec: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    node = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = node.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    return tuple(required.get("nodeSelectorTerms") or ())
