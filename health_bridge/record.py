"""What the bridge keeps on the node between cycles: the open faults and what it has written."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from catalog.verdicts import Verdict
from catalog.wire import DeviceFault, WireError, dump_devices, parse_devices
from health_bridge.verified import Word

APPLIED = "applied"
WITHHELD = "withheld"

MAX_EVIDENCE = 600
"""Characters of evidence that are kept of a fault."""

_FAULT_NAME = re.compile(r"[A-Z][A-Za-z0-9]{0,62}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """An open fault: its alert fires, or its device is not yet proven to have recovered.

    `verdict` is the worst that was ever warranted within the caps, `since` whole Unix seconds.
    """

    device: str
    name: str
    fault: str
    condition: str
    verdict: Verdict
    since: int
    evidence: str = ""
    action: str = APPLIED

    @property
    def key(self) -> tuple[str, str]:
        """What it is on its node: fault and device."""
        return self.fault, self.device

    @property
    def rank(self) -> tuple[int, int, str, str]:
        """Worst first, then oldest; the names only make the order total."""
        return -self.verdict, self.since, self.fault, self.device


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """What is ours on a node, and which sources have vouched for it (annotation `owned`)."""

    taints: tuple[str, ...] = ()
    conditions: Mapping[str, str] = field(default_factory=dict)
    """Condition type → status as last decided; a condition may lag behind it by a crash."""
    sources: tuple[str, ...] = ()

    def dump(self) -> str:
        """Return the annotation's JSON."""
        document = {
            "taints": sorted(self.taints),
            "conditions": dict(sorted(self.conditions.items())),
            "sources": sorted(self.sources),
        }
        return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Both annotations, read, and a person's word where there is one."""

    faults: tuple[Fault, ...] = ()
    owned: Owned = field(default_factory=Owned)
    damaged: bool = False
    """Something there could not be read and was left out; what it stood for is not cleared."""
    verified: Word | None = None


def parse_time(text: str) -> int:
    """Return the whole Unix seconds of an RFC 3339 time; ValueError where it is none."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return int(moment.timestamp())


def format_time(seconds: float) -> str:
    """Return whole Unix seconds as RFC 3339 in UTC."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_record(devices: str | None, owned: str | None, verified: str | None = None) -> Record:
    """Read a node's annotations, as far as they can be read."""
    damaged = False
    faults: dict[tuple[str, str], Fault] = {}
    try:
        entries = parse_devices(devices)
    except WireError:
        entries, damaged = (), True
    for entry in entries:
        try:
            fault = _read_fault(entry)
        except (ValueError, OverflowError):
            damaged = True
        else:
            faults[fault.key] = fault
    known = _read_owned(owned)
    return Record(
        faults=tuple(faults.values()),
        owned=known or Owned(),
        damaged=damaged or known is None,
        verified=None if verified is None else _read_word(verified),
    )


def _read_word(text: str) -> Word:
    try:
        return Word(at=parse_time(text.strip()))
    except (ValueError, OverflowError):
        return Word(at=None)


def _read_fault(entry: DeviceFault) -> Fault:
    if not _FAULT_NAME.fullmatch(entry.fault):
        raise ValueError(f"{entry.fault!r} is no fault's name")
    return Fault(
        device=entry.device,
        name=entry.name,
        fault=entry.fault,
        condition=entry.condition,
        verdict=Verdict.parse(entry.verdict),
        since=parse_time(entry.since),
        evidence=entry.evidence,
        action=entry.action,
    )


def _read_owned(text: str | None) -> Owned | None:
    if not text:
        return Owned()
    try:
        document = json.loads(text)
        return Owned(
            taints=_strings(document.get("taints", [])),
            conditions=_statuses(document.get("conditions", {})),
            sources=_strings(document.get("sources", [])),
        )
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None


def _strings(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise TypeError("not a list of strings")
    return tuple(sorted(set(value)))


def _statuses(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise TypeError("not an object of strings")
    return value


def dump_faults(faults: Sequence[Fault]) -> str | None:
    """Return the devices annotation, None where no fault is open.

    Where so many faults are open that they do not fit even without evidence, the least and
    youngest stay out: the worst of the node, which its taints follow, is always told.
    """
    kept = sorted(faults, key=lambda fault: fault.rank)
    while kept:
        try:
            return dump_devices([_wire_fault(fault) for fault in kept])
        except WireError:
            kept = kept[: len(kept) * 9 // 10]
    return None


def _wire_fault(fault: Fault) -> DeviceFault:
    return DeviceFault(
        device=fault.device,
        name=fault.name,
        condition=fault.condition,
        verdict=fault.verdict.label,
        action=fault.action,
        fault=fault.fault,
        since=format_time(fault.since),
        evidence=fault.evidence[:MAX_EVIDENCE],
    )


def with_action(fault: Fault, action: str) -> Fault:
    """Return the fault with another action."""
    return replace(fault, action=action)
