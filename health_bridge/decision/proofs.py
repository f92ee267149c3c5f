"""The proofs file: for each fault, the PromQL that proves a device healthy, and what it reads.

It is rendered with the rules. The bridge reads it strictly: a proof that is not what it seems
would give a broken node back.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import yaml

from catalog import labels
from catalog.conditions import ACCELERATORS_UNVERIFIED, BY_TYPE
from catalog.faults import Recovery, Scope
from catalog.verdicts import Verdict
from program.durations import parse_duration
from program.errors import ProgramError

T = TypeVar("T")

VERSION = 1
SELECTOR = "$selector"
IDENTITIES = (labels.UUID, labels.GUID, "", labels.DOMAIN, labels.LINE)

_PLACES = {Scope.DOMAIN: labels.DOMAIN, Scope.LINE: labels.LINE}
"""The identity of a fault that is wider than a node; its query selects by it, not by node."""

_WHOLE = ACCELERATORS_UNVERIFIED.type

_FAULT = re.compile(r"[A-Z][A-Za-z0-9]{0,62}")
_FACILITY = re.compile(r"[a-z0-9_]+/[a-z0-9_]+")
_META = re.compile(r"[\\.+*?()|\[\]{}^$]")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n"}
_TOP = ("version", "observed", "alerts", "boot_time", "reset_time", "faults")
_OPTIONAL = ("active_since",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """One fault as it was rendered, and the query whose series are the devices proven healthy."""

    fault: str
    condition: str
    scope: Scope
    verdict: Verdict
    identity: str
    """Label that names the device in alert and proof; "" where the node itself is meant."""
    recovery: Recovery
    soak: float
    """Seconds of health that the query itself demands; for messages only."""
    facilities: tuple[str, ...]
    """`family/facility` of each collector that alert and proof read."""
    query: str

    @property
    def is_wide(self) -> bool:
        """Whether the fault is a domain's or a line's, and so of many nodes."""
        return self.scope in _PLACES


@dataclass(frozen=True, kw_only=True)
class Proofs:
    """The whole file; the queries of `boot_time` and `reset_time` take a selector too."""

    observed: str
    alerts: str
    boot_time: str
    reset_time: str
    faults: Mapping[str, Proof]
    active_since: str = ""
    """Query whose values are when each alert of `alerts` became active; "" where not known."""
    whole: Proof | None = None
    """What proves a whole node complete and healthy; None where the file has no such proof."""

    def facilities(self, condition: str) -> tuple[str, ...]:
        """Return what the faults of a condition read: without all of it the condition is blind."""
        return self._facilities.get(condition, ())

    @cached_property
    def _facilities(self) -> Mapping[str, tuple[str, ...]]:
        read: dict[str, set[str]] = {}
        for proof in self.faults.values():
            read.setdefault(proof.condition, set()).update(proof.facilities)
        return {condition: tuple(sorted(seen)) for condition, seen in read.items()}

    @cached_property
    def conditions(self) -> tuple[str, ...]:
        """The condition types that these faults maintain, in the catalogue's order."""
        held = {proof.condition for proof in self.faults.values()}
        return tuple(condition for condition in BY_TYPE if condition in held)


def load(path: str) -> Proofs:
    """Read a proofs file; ProgramError names the file, the field and what is wrong with it."""
    if not path:
        raise ProgramError("--proofs.file is missing: name the rendered bridge/proofs.yaml")
    try:
        document = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        return _read_file(document)
    except (OSError, yaml.YAMLError, ValueError, RecursionError) as error:
        raise ProgramError(f"--proofs.file {path}: {error}") from None


def _read_file(document: object) -> Proofs:
    top = _mapping(document, "the file", _TOP, _OPTIONAL)
    if top["version"] != VERSION:
        raise ValueError(f"version: expected {VERSION}, found {top['version']!r}")
    if not isinstance(top["faults"], list):
        raise ValueError("faults: expected a list")  # noqa: TRY004 - the user's error, not ours
    faults: dict[str, Proof] = {}
    for index, entry in enumerate(top["faults"]):
        proof = _read_proof(entry, f"faults[{index}]")
        if proof.fault in faults:
            raise ValueError(f"faults[{index}].fault: {proof.fault} is there twice")
        faults[proof.fault] = proof
    return Proofs(
        observed=_text(top["observed"], "observed"),
        alerts=_text(top["alerts"], "alerts"),
        boot_time=_selecting(top["boot_time"], "boot_time"),
        reset_time=_selecting(top["reset_time"], "reset_time"),
        active_since=_text(top["active_since"], "active_since") if "active_since" in top else "",
        faults=faults,
        whole=next((p for p in faults.values() if p.condition == _WHOLE), None),
    )


def _read_proof(entry: object, where: str) -> Proof:
    wanted = tuple(field for field in Proof.__dataclass_fields__)
    fields = _mapping(entry, where, wanted)

    def read(name: str, parse: Callable[[Any, str], T]) -> T:
        return parse(fields[name], f"{where}.{name}")

    proof = Proof(
        fault=read("fault", _matching(_FAULT, "a name such as GpuFellOffBus")),
        condition=read("condition", _one_of({name: name for name in BY_TYPE})),
        scope=read("scope", _one_of({scope.value: scope for scope in Scope})),
        verdict=read("verdict", _one_of({verdict.label: verdict for verdict in Verdict})),
        identity=read("identity", _one_of({name: name for name in IDENTITIES})),
        recovery=read("recovery", _one_of({demand.value: demand for demand in Recovery})),
        soak=read("soak", _duration),
        facilities=read("facilities", _facilities),
        query=read("query", _selecting),
    )
    _check_place(proof, where)
    return proof


def _check_place(proof: Proof, where: str) -> None:
    """Refuse a wide fault that is not told by its place, or a narrow one that is."""
    place = _PLACES.get(proof.scope)
    if (proof.identity in _PLACES.values() or place is not None) and proof.identity != place:
        raise ValueError(f"{where}.identity: {proof.identity!r} does not fit scope {proof.scope}")
    if place is not None and proof.recovery is not Recovery.NONE:
        raise ValueError(f"{where}.recovery: a {proof.scope} is not reset or rebooted")


def _mapping(
    value: object, where: str, wanted: tuple[str, ...], optional: tuple[str, ...] = ()
) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{where}: expected a mapping")  # noqa: TRY004 - the user's error, not ours
    for name in value:
        if name not in wanted and name not in optional:
            raise ValueError(f"{where}: unknown field {name!r}")
    for name in wanted:
        if name not in value:
            raise ValueError(f"{where}: field {name!r} is missing")
    return value


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{where}: expected a non-empty text")
    return value.strip()


def _selecting(value: object, where: str) -> str:
    text = _text(value, where)
    if SELECTOR not in text:
        raise ValueError(f"{where}: the placeholder {SELECTOR} is missing")
    return text


def _matching(pattern: re.Pattern[str], what: str) -> Callable[[Any, str], str]:
    def parse(value: object, where: str) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise ValueError(f"{where}: {value!r} is not {what}")
        return value

    return parse


def _one_of(choices: Mapping[str, T]) -> Callable[[Any, str], T]:
    def parse(value: object, where: str) -> T:
        if not isinstance(value, str) or value not in choices:
            names = ", ".join(repr(name) for name in choices)
            raise ValueError(f"{where}: {value!r} is not one of {names}")
        return choices[value]

    return parse


def _duration(value: object, where: str) -> float:
    try:
        return parse_duration(_text(value, where))
    except ValueError as error:
        raise ValueError(f"{where}: {str(error).removeprefix(f'{where}: ')}") from None


def _facilities(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError(f"{where}: expected a non-empty list")
    parse = _matching(_FACILITY, "a facility such as gpu/state")
    return tuple(parse(each, f"{where}[{index}]") for index, each in enumerate(value))


def node_matcher(names: Iterable[str], label: str = labels.NODE) -> str:
    """Return the PromQL matcher that picks exactly these nodes, or values of another label.

    A regular expression's metacharacters are escaped for RE2, then the string for PromQL.
    """
    wanted = sorted(names)
    if len(wanted) == 1:
        return f"{label}={_quote(wanted[0])}"
    return f"{label}=~{_quote('|'.join(_META.sub(_escape, name) for name in wanted))}"


def without(uuids: Iterable[str]) -> str:
    """Return the PromQL matcher of every series but those of these GPUs."""
    names = "|".join(_META.sub(_escape, uuid) for uuid in sorted(uuids))
    return f"{labels.UUID}!~{_quote(names)}"


def _escape(match: re.Match[str]) -> str:
    return f"\\{match[0]}"


def _quote(text: str) -> str:
    return '"' + "".join(_ESCAPES.get(character, character) for character in text) + '"'


def queries(
    template: str, names: Iterable[str], batch: int, label: str = labels.NODE, more: str = ""
) -> Iterator[str]:
    """Yield the query for these nodes, so many of them at a time that one stays answerable.

    `more` are further matchers, with a comma before each.
    """
    wanted = sorted(names)
    for start in range(0, len(wanted), batch):
        yield template.replace(SELECTOR, node_matcher(wanted[start : start + batch], label) + more)
