"""What a Node object says of its hardware, and what that means for placement. Pure.

Only what is *applied* refuses a node or drains it: a taint, or a fault of the whole node that the
annotation calls applied. A fault that is withheld, fenced to its device or out of sight only
lowers the score.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from catalog import wire
from catalog.conditions import ACCELERATORS_UNVERIFIED, BY_TYPE, CONDITIONS
from catalog.verdicts import Verdict
from catalog.wire import DeviceFault, WireError
from scheduler_feedback.tolerations import NO_EXECUTE, NO_SCHEDULE, Taint, read_taints

APPLIED, _WITHHELD, BLIND = wire.ACTIONS
UNKNOWN_CONDITION = "unknown"
"""Stands for a taint under our prefix whose condition this version does not know."""

_BY_TAINT = {condition.taint: condition.type for condition in CONDITIONS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One reason to keep pods off a node, and the taint that a pod may tolerate it by."""

    condition: str
    verdict: Verdict
    taint: Taint

    @property
    def reason(self) -> str:
        """The refusal in bounded vocabulary, as it ends up in a pod's PodScheduled condition."""
        return _reason(self.condition, self.verdict)


@lru_cache(maxsize=256)
def _reason(condition: str, verdict: Verdict) -> str:
    return f"railwatch: {condition} ({verdict.label})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """How bad a node is among those that may be used."""

    verdict: Verdict = Verdict.OBSERVE
    """The worst verdict of any of its faults, whatever was done about it."""
    devices: int = 0
    """Devices with a fault of that verdict."""
    blind: bool = False
    """Something about it is unknown: telemetry lost, or an annotation that cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fenced:
    """A device that is to be drained, and kept from new pods without a taint on its node."""

    device: str
    condition: str
    began: float
    users: tuple[str, ...] = ()
    """Pod uids, where the bridge knows them."""
    index: int | None = None
    """Of a GPU on its node, by which shares of it are given out; None where it is not told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeHealth:
    """What the extender and the drainer need to know of one node."""

    name: str
    uid: str
    managed: bool = True
    """False: its label says hands off; nothing is drained."""
    refusals: tuple[Refusal, ...] = ()
    """Worst first."""
    drains: tuple[Refusal, ...] = ()
    """The drain taints that an applied fault stands behind."""
    supposed: bool = False
    """Nothing drains it: somebody asks what would happen if it were."""
    unvouched: tuple[Refusal, ...] = ()
    """The drain taints that none does: someone else's, or an annotation that was lost."""
    drain_since: float = 0.0
    """When the youngest fault behind a drain taint began, in Unix seconds."""
    fenced: tuple[Fenced, ...] = ()
    """The devices whose users are to be moved, while the node goes on."""
    grade: Grade = Grade()
    gpus: int = 0
    """What its device plugin has announced, healthy or not."""
    malformed: str = ""
    """What is wrong with the devices annotation."""


def assess(node: Mapping[str, Any], prefix: str = wire.PREFIX) -> NodeHealth:
    """Return what a Node object (as the kube-apiserver's JSON has it) means for placement."""
    meta = node["metadata"]
    annotations = meta.get("annotations") or {}
    faults, malformed = _faults(annotations.get(wire.key(wire.DEVICES, prefix)))
    taints = [taint for taint in read_taints(node) if taint.key.startswith(f"{prefix}/")]
    refusing = [_refusal(t, prefix) for t in taints if t.effect in (NO_SCHEDULE, NO_EXECUTE)]
    draining = [r for r in refusing if r.taint.value == Verdict.DRAIN.label]
    vouched = {
        f.condition: _began(f)
        for f in sorted(faults, key=_began)
        if f.action == APPLIED and _verdict(f) is Verdict.DRAIN
    }
    drains = [r for r in draining if r.condition in vouched]
    present = {refusal.taint.key for refusal in refusing}
    told = (*_unverified(node, annotations, prefix), *_implied(faults, prefix))
    implied = {r.taint.key: r for r in told if r.taint.key not in present}
    labels = meta.get("labels") or {}
    return NodeHealth(
        name=meta["name"],
        uid=meta.get("uid", ""),
        managed=labels.get(wire.key(wire.MANAGED, prefix)) != "false",
        refusals=_worst_first([*refusing, *implied.values()]),
        drains=_worst_first(drains),
        drain_since=max((vouched[r.condition] for r in drains), default=0.0),
        unvouched=_worst_first(r for r in draining if r.condition not in vouched),
        fenced=_fenced(faults),
        grade=_grade(faults, taints, blind=bool(malformed) or _blind(node)),
        gpus=_gpus(node),
        malformed=malformed,
    )


def _faults(annotation: str | None) -> tuple[tuple[DeviceFault, ...], str]:
    try:
        faults = wire.parse_devices(annotation)
        for fault in faults:
            Verdict.parse(fault.verdict)
            _began(fault)
    except WireError as error:
        return (), str(error)
    except (ValueError, OverflowError) as error:
        return (), f"devices annotation: {error}"
    return faults, ""


def _verdict(fault: DeviceFault) -> Verdict:
    return Verdict.parse(fault.verdict)


def _began(fault: DeviceFault) -> float:
    began = datetime.fromisoformat(fault.since)
    if began.tzinfo is None:
        raise ValueError(f"{fault.since!r} has no time zone")
    return began.timestamp()


def _fenced(faults: Iterable[DeviceFault]) -> tuple[Fenced, ...]:
    return tuple(
        Fenced(
            device=f.device,
            condition=f.condition,
            began=_began(f),
            users=f.users,
            index=wire.gpu_index(f.name),
        )
        for f in faults
        if f.fence and f.action == APPLIED and _verdict(f) is Verdict.DRAIN
    )


def _refusal(taint: Taint, prefix: str) -> Refusal:
    condition = _BY_TAINT.get(taint.key.removeprefix(f"{prefix}/"), UNKNOWN_CONDITION)
    return Refusal(condition=condition, verdict=_taint_verdict(taint, Verdict.CORDON), taint=taint)


def _taint_verdict(taint: Taint, least: Verdict) -> Verdict:
    try:
        return max(Verdict.parse(taint.value), least)
    except ValueError:
        return least


def _implied(faults: Iterable[DeviceFault], prefix: str) -> Iterator[Refusal]:
    """Yield the refusals of applied faults of the whole node, whose taint may not be there yet."""
    for fault in faults:
        whole = fault.device == wire.NODE and fault.action == APPLIED
        if not whole or _verdict(fault) < Verdict.CORDON or fault.condition not in BY_TYPE:
            continue
        key = wire.key(BY_TYPE[fault.condition].taint, prefix)
        taint = Taint(key=key, value=fault.verdict, effect=NO_SCHEDULE)
        yield Refusal(condition=fault.condition, verdict=_verdict(fault), taint=taint)


def _unverified(
    node: Mapping[str, Any], annotations: Mapping[str, str], prefix: str
) -> Iterator[Refusal]:
    """Yield a refusal for a node that rebooted since it was last proven complete and healthy."""
    verified = annotations.get(wire.key(wire.VERIFIED_BOOT, prefix))
    boot = ((node.get("status") or {}).get("nodeInfo") or {}).get("bootID")
    if verified and boot and verified != boot:
        taint = Taint(
            key=wire.key(ACCELERATORS_UNVERIFIED.taint, prefix),
            value=Verdict.CORDON.label,
            effect=NO_SCHEDULE,
        )
        yield Refusal(condition=ACCELERATORS_UNVERIFIED.type, verdict=Verdict.CORDON, taint=taint)


def _gpus(node: Mapping[str, Any]) -> int:
    text = str(((node.get("status") or {}).get("capacity") or {}).get(wire.GPU_RESOURCE, ""))
    return int(text) if text.isdecimal() else 0


def _blind(node: Mapping[str, Any]) -> bool:
    conditions = (node.get("status") or {}).get("conditions") or ()
    return any(c.get("type") in BY_TYPE and c.get("status") == "Unknown" for c in conditions)


def _grade(faults: Iterable[DeviceFault], taints: Iterable[Taint], *, blind: bool) -> Grade:
    graded = [(_verdict(fault), fault.device) for fault in faults]
    for taint in taints:
        least = Verdict.CORDON if taint.effect in (NO_SCHEDULE, NO_EXECUTE) else Verdict.AVOID
        graded.append((_taint_verdict(taint, least), ""))
    worst = max((verdict for verdict, _ in graded), default=Verdict.OBSERVE)
    devices = {device for verdict, device in graded if verdict is worst and device}
    blind = blind or any(BLIND in (f.action, f.state) for f in faults)
    return Grade(verdict=worst, devices=len(devices), blind=blind)


def _worst_first(refusals: Iterable[Refusal]) -> tuple[Refusal, ...]:
    return tuple(sorted(refusals, key=lambda r: (-r.verdict, r.condition)))
