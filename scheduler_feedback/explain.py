"""Why a pod may or may not use each node, as far as hardware goes. Pure.

Nodes alike are told as one: the answer grows with the kinds of trouble, not with the cluster.
"""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from catalog import wire
from catalog.conditions import ACCELERATORS_UNVERIFIED, BY_TYPE
from catalog.verdicts import Verdict
from catalog.wire import DeviceFault, WireError
from scheduler_feedback.filter import refusal_for
from scheduler_feedback.health import NodeHealth, Refusal, assess
from scheduler_feedback.score import score
from scheduler_feedback.tolerations import read_taints, read_tolerations

MOST_NODES = 8
"""Nodes of a kind that are named."""
MOST_EVIDENCE = 4
"""Pieces of evidence that are told of a kind."""
MOST_KINDS = 24
_LONGEST = 300
"""Characters of one line that others wrote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Nodes that are alike for this pod."""

    refused: bool
    score: int | None
    """None for refused nodes, which are not scored."""
    why: str
    count: int
    nodes: tuple[str, ...]
    """The first of them by name."""
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What hardware means for one pod's placement."""

    pod: str
    scheduler: str
    node: str
    """Where it has been placed; empty while it is pending."""
    said: str
    """What kube-scheduler says of it, which knows of much more than hardware."""
    usable: int
    refused: int
    kinds: tuple[Kind, ...]
    """The best first, at most MOST_KINDS."""
    untold: int
    """Kinds beyond those."""
    wishes: tuple[str, ...] = ()
    """What is preferred among the clean nodes, and where its shares of GPUs have room."""
    queue: str = ""
    """What its queue says of it; empty where it is in none that is known."""


Near = Callable[[Mapping[str, Any]], str]
"""Says of a Node object how near each other its GPUs and NICs are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    name: str
    refusal: Refusal | None
    score: int | None
    why: str
    evidence: tuple[str, ...]


def explain(
    pod: Mapping[str, Any],
    nodes: Iterable[Mapping[str, Any]],
    prefix: str = wire.PREFIX,
    near: Near | None = None,
) -> Explanation:
    """Return how the extender answers about a pod on these nodes, and why.

    `near` tells how near each other the GPUs and NICs of a node are for this pod.
    """
    tolerations = read_tolerations(pod)
    kinds: dict[tuple[int, str], list[_Seen]] = {}
    for node in nodes:
        health = assess(node, prefix)
        seen = _see(node, health, refusal_for(tolerations, health), prefix)
        if near is not None and seen.refusal is None:
            seen = replace(seen, why=f"{seen.why}; {near(node)}")
        kinds.setdefault((-1 if seen.score is None else seen.score, seen.why), []).append(seen)
    ordered = [_kind(kinds[key]) for key in sorted(kinds, key=lambda k: (-k[0], k[1]))]
    spec = pod.get("spec") or {}
    return Explanation(
        pod=f"{pod['metadata']['namespace']}/{pod['metadata']['name']}",
        scheduler=spec.get("schedulerName") or "",
        node=spec.get("nodeName") or "",
        said=_said(pod),
        usable=sum(kind.count for kind in ordered if not kind.refused),
        refused=sum(kind.count for kind in ordered if kind.refused),
        kinds=tuple(ordered[:MOST_KINDS]),
        untold=max(0, len(ordered) - MOST_KINDS),
    )


def _said(pod: Mapping[str, Any]) -> str:
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return str(condition.get("message") or condition.get("reason") or "")
    return ""


def _see(
    node: Mapping[str, Any], health: NodeHealth, refusal: Refusal | None, prefix: str
) -> _Seen:
    faults = _faults(node, prefix)
    return _Seen(
        name=health.name,
        refusal=refusal,
        score=None if refusal else score(health.grade),
        why=_condition(refusal) if refusal else _graded(health, faults),
        evidence=_evidence(node, health, faults, prefix),
    )


def _condition(refusal: Refusal) -> str:
    return f"{refusal.condition} ({refusal.verdict.label})"


def _graded(health: NodeHealth, faults: Sequence[DeviceFault]) -> str:
    """Return what a usable node's score comes from."""
    grade = health.grade
    if grade.verdict is Verdict.OBSERVE:
        return "something about it cannot be seen" if grade.blind else "no known fault"
    worst = {f.condition for f in faults if f.verdict == grade.verdict.label}
    worst |= {r.condition for r in health.refusals if r.verdict is grade.verdict}
    named = ", ".join(sorted(worst)) or "a taint"
    return f"{named} ({grade.verdict.label})"


def _faults(node: Mapping[str, Any], prefix: str) -> tuple[DeviceFault, ...]:
    annotations = node["metadata"].get("annotations") or {}
    try:
        return wire.parse_devices(annotations.get(wire.key(wire.DEVICES, prefix)))
    except WireError:
        return ()  # the node's health says so


def _evidence(
    node: Mapping[str, Any], health: NodeHealth, faults: Sequence[DeviceFault], prefix: str
) -> tuple[str, ...]:
    """Return what stands behind a node's refusals and score; a taint only where no fault does."""
    taints = [t for t in read_taints(node) if t.key.startswith(f"{prefix}/")]
    told_of = {
        wire.key(BY_TYPE[f.condition].taint, prefix) for f in faults if f.condition in BY_TYPE
    }
    bare = [taint for taint in taints if taint.key not in told_of]
    told = [_fault(fault) for fault in faults]
    told += [f"taint {t.key}={t.value}:{t.effect}" for t in bare]
    if any(_is_reboot(r, {*told_of, *(t.key for t in bare)}) for r in health.refusals):
        told.append("it rebooted since it was last verified")
    if health.malformed:
        told.append(health.malformed)
    return tuple(f"{health.name}: {each}" for each in told)


def _is_reboot(refusal: Refusal, told_of: Container[str]) -> bool:
    """Whether a refusal has neither fault nor taint behind it, but a boot id nobody verified."""
    return refusal.condition == ACCELERATORS_UNVERIFIED.type and refusal.taint.key not in told_of


def _fault(fault: DeviceFault) -> str:
    place = fault.device if fault.name in ("", fault.device) else f"{fault.name} ({fault.device})"
    evidence = f": {fault.evidence}" if fault.evidence else ""
    return f"{fault.fault} on {place} since {fault.since}, {fault.action}{evidence}"


def _kind(seen: Sequence[_Seen]) -> Kind:
    ordered = sorted(seen, key=lambda s: s.name)
    told = [line for each in ordered for line in each.evidence]
    return Kind(
        refused=ordered[0].refusal is not None,
        score=ordered[0].score,
        why=_tame(ordered[0].why),
        count=len(ordered),
        nodes=tuple(each.name for each in ordered[:MOST_NODES]),
        evidence=tuple(map(_tame, told[:MOST_EVIDENCE])),
    )


def _tame(text: str) -> str:
    """Return a line short enough, and without what would steer a terminal."""
    short = text if len(text) <= _LONGEST else text[:_LONGEST] + wire.CUT
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in short)


def as_json(told: Explanation) -> dict[str, Any]:
    """Return an explanation for `--json`."""
    return asdict(told)


def as_text(told: Explanation) -> str:
    """Return an explanation for a reader."""
    placed = f"is on {told.node}" if told.node else "has no node yet"
    lines = [
        f"{told.pod} {placed} (scheduler {told.scheduler})",
        f"by their hardware it may use {_nodes(told.usable)}; {told.refused} refused",
    ]
    lines += [line for kind in told.kinds for line in _kind_lines(kind)]
    if told.untold:
        lines.append(f"… and {told.untold} kinds more")
    lines += map(_tame, told.wishes)
    if told.queue:
        lines.append(_tame(told.queue))
    if told.said:
        lines.append(f"kube-scheduler says: {told.said}")
    return "\n".join(lines) + "\n"


def _kind_lines(kind: Kind) -> list[str]:
    verdict = "refused " if kind.refused else f"score {kind.score:2}"
    more = kind.count - len(kind.nodes)
    names = ", ".join(kind.nodes) + (f" and {more} more" if more else "")
    return [
        f"  {verdict}  {kind.why}: {_nodes(kind.count)}: {names}",
        *(f"            {line}" for line in kind.evidence),
    ]


def _nodes(count: int) -> str:
    return f"{count} node" if count == 1 else f"{count} nodes"
