"""What the bridge keeps on the node between cycles: the open faults and what it has written."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

from catalog.conditions import BY_TYPE
from catalog.verdicts import Verdict
from catalog.wire import (
    Cleared,
    DeviceFault,
    WireError,
    dump_devices,
    parse_devices,
    parse_history,
)
from health_bridge.decision.verified import Word

APPLIED = "applied"
WITHHELD = "withheld"

MAX_EVIDENCE = 600
"""Characters of evidence that are kept of a fault."""

MAX_HISTORY = 32
"""Cleared faults that are remembered of a node."""

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
    state: str = ""
    """Where it is on its way, as far as the annotation tells it (catalog.wire.TOLD_STATES)."""
    withheld_by: str = ""
    fence: str = ""
    """What keeps pods off the device in place of a node taint (catalog.wire.FENCES)."""

    @property
    def key(self) -> tuple[str, str]:
        """What it is on its node: fault and device."""
        return self.fault, self.device

    @property
    def rank(self) -> tuple[int, int, str, str]:
        """Worst first, then oldest; the names only make the order total."""
        return -self.verdict, self.since, self.fault, self.device


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """How often a fault has cleared, and when last in whole Unix seconds."""

    count: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """How a node came to be managed, kept while nodes are verified."""

    selector: str
    """Which selector of the bridge's it matched: a digest."""
    since: int
    """When it was first seen, whole Unix seconds."""
    new: bool
    """It was created after the bridge had begun to manage the selector."""
    boot: str = ""
    """The boot that its open AcceleratorsUnverified is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """What is ours on a node, and which sources have vouched for it (annotation `owned`)."""

    taints: tuple[str, ...] = ()
    conditions: Mapping[str, str] = field(default_factory=dict)
    """Condition type → status as last decided; a condition may lag behind it by a crash."""
    sources: tuple[str, ...] = ()
    taken: int | None = None
    """When we last took it out of use, whole Unix seconds; it stays when the node is given back."""
    arrival: Arrival | None = None

    def dump(self) -> str:
        """Return the annotation's JSON."""
        document: dict[str, Any] = {
            "taints": sorted(self.taints),
            "conditions": dict(sorted(self.conditions.items())),
            "sources": sorted(self.sources),
        }
        if self.taken is not None:
            document["taken"] = format_time(self.taken)
        if self.arrival is not None:
            since = format_time(self.arrival.since)
            document["arrival"] = {**asdict(self.arrival), "since": since}
        return msgspec.json.encode(document).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Both annotations, read, and a person's word where there is one."""

    faults: tuple[Fault, ...] = ()
    history: Mapping[tuple[str, str], Past] = field(default_factory=dict)
    """(fault, device) → how often it has cleared before; of open and of closed ones."""
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
    """Return whole Unix seconds as RFC 3339 in UTC: of early years, too, with four digits."""
    moment = datetime.fromtimestamp(int(seconds), UTC).replace(tzinfo=None)
    return f"{moment.isoformat(timespec='seconds')}Z"


@lru_cache(maxsize=16_384)
def read_record(devices: str | None, owned: str | None, verified: str | None = None) -> Record:
    """Read a node's annotations, as far as they can be read.

    They change rarely and are read in every cycle: the record of each is kept.
    """
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
        history=_read_history(devices),
        owned=known or Owned(),
        damaged=damaged or known is None,
        verified=None if verified is None else _read_word(verified),
    )


def _read_history(devices: str | None) -> dict[tuple[str, str], Past]:
    """Read what has cleared; what cannot be read costs a fault no more than a grown soak."""
    try:
        return {
            (each.fault, each.device): Past(count=each.count, last=parse_time(each.last))
            for each in parse_history(devices)
        }
    except (WireError, ValueError, OverflowError):
        return {}


def _read_word(text: str) -> Word:
    try:
        return Word(at=parse_time(text.strip()))
    except (ValueError, OverflowError):
        return Word(at=None)


def _read_fault(entry: DeviceFault) -> Fault:
    if not _FAULT_NAME.fullmatch(entry.fault):
        raise ValueError(f"{entry.fault!r} is no fault's name")
    if entry.condition not in BY_TYPE:  # a later version's, which stays as that has left it
        raise ValueError(f"{entry.condition!r} is no condition that is known")
    return Fault(
        device=entry.device,
        name=entry.name,
        fault=entry.fault,
        condition=entry.condition,
        verdict=Verdict.parse(entry.verdict),
        since=parse_time(entry.since),
        evidence=entry.evidence,
        action=entry.action,
        state=entry.state,
        withheld_by=entry.withheld_by,
        fence=entry.fence,
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
            taken=_moment(document.get("taken")),
            arrival=_arrival(document.get("arrival")),
        )
    except (ValueError, TypeError, AttributeError, KeyError, OverflowError, RecursionError):
        return None


def _moment(value: Any) -> int | None:
    return None if value is None else parse_time(value)


def _arrival(value: Any) -> Arrival | None:
    if value is None:
        return None
    selector, boot = _strings([value["selector"]])[0], _strings([value.get("boot", "")])[0]
    new = value["new"] is True
    return Arrival(selector=selector, since=parse_time(value["since"]), new=new, boot=boot)


def _strings(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise TypeError("not a list of strings")
    return tuple(sorted(set(value)))


def _statuses(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise TypeError("not an object of strings")
    return {condition: status for condition, status in value.items() if condition in BY_TYPE}


def dump_faults(
    faults: Sequence[Fault], history: Mapping[tuple[str, str], Past] | None = None
) -> str | None:
    """Return the devices annotation, None where no fault is open or remembered.

    Where so many faults are open that they do not fit even without evidence, the least and
    youngest stay out: the worst of the node, which its taints follow, is always told.
    """
    kept = sorted(faults, key=lambda fault: fault.rank)
    past = [_wire_past(key, each) for key, each in (history or {}).items()]
    while kept or past:
        try:
            return dump_devices([_wire_fault(fault) for fault in kept], past)
        except WireError:
            kept, past = kept[: len(kept) * 9 // 10], past if kept else []
    return None


def _wire_past(key: tuple[str, str], past: Past) -> Cleared:
    fault, device = key
    return Cleared(device=device, fault=fault, count=past.count, last=format_time(past.last))


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
        state=fault.state,
        withheld_by=fault.withheld_by,
        fence=fault.fence,
    )
