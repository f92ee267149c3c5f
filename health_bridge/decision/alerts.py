"""Alerts as the sources tell them, read into findings; what cannot be read is left out, counted.

Alertmanager's API is open to anyone who reaches it, so nothing in an alert is trusted: names and
lengths are checked, and a harsh verdict needs a Prometheus that says the same.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from catalog import labels, wire
from catalog.conditions import ACCELERATORS_UNVERIFIED, BY_TYPE
from catalog.faults import Scope
from catalog.verdicts import Verdict
from health_bridge.decision.proofs import Proof, Proofs
from health_bridge.decision.record import MAX_EVIDENCE, parse_time

FIRING = "firing"
PENDING = "pending"

_MAX_LABEL = 128
_MAX_NAME = 253
"""Characters of a node's name, at most (RFC 1123)."""

_MAX_LINK = 200
"""Characters; one back to Prometheus holds its whole expression, which may be long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fault of one device, as one or more sources tell it.

    `since` is when it became active in whole Unix seconds, None where no source says so.
    `firing` False means that it is pending: suspected, not yet judged. One about a domain or a line
    has `scope` and `place`, and no node until it is told of each node there.
    """

    node: str
    device: str
    name: str
    fault: str
    condition: str
    verdict: Verdict
    firing: bool
    confirmed: bool = False
    """A configured Prometheus says that it fires."""
    silenced: bool = False
    since: int | None = None
    evidence: str = ""
    scope: Scope | None = None
    place: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What it is on its node: fault and device."""
        return self.fault, self.device


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The findings of one answer, and how many of its alerts were left out, by reason."""

    findings: tuple[Finding, ...] = ()
    skipped: Mapping[str, int] = field(default_factory=dict)


class Skipped(Exception):  # noqa: N818 - not an error: the alert is not for us
    """This alert is left out; the argument is the reason."""


def read_alertmanager(alerts: object, proofs: Proofs, cluster: str) -> Reading:
    """Read the answer of Alertmanager's /api/v2/alerts; ValueError where it is no list.

    An Alertmanager may serve many clusters, so where `cluster` is set, an alert must name it.
    """
    if not isinstance(alerts, list):
        raise ValueError("the answer is not a list of alerts")  # noqa: TRY004 - the server's error

    def read(alert: Any) -> Finding:
        told = _labels(alert, "labels")
        if cluster and told.get(labels.CLUSTER) != cluster:
            raise Skipped("other_cluster")
        notes = _labels(alert, "annotations")
        return _finding(
            told,
            proofs,
            firing=True,
            silenced=bool((alert.get("status") or {}).get("silencedBy")),
            since=parse_time(alert["startsAt"]),
            evidence=_evidence(notes, alert.get("generatorURL")),
        )

    return _read_all(alerts, read)


def read_prometheus(
    series: Iterable[Mapping[str, str]],
    proofs: Proofs,
    cluster: str,
    since: Mapping[frozenset[tuple[str, str]], float],
) -> Reading:
    """Read the label sets of Prometheus' ALERTS.

    `since` tells when each became active, by its labels without `alertstate`. A Prometheus leaves
    its external labels out of ALERTS, so an alert without `cluster` is this cluster's.
    """

    def read(told: Any) -> Finding:
        if cluster and told.get(labels.CLUSTER, cluster) != cluster:
            raise Skipped("other_cluster")
        state = told.get("alertstate")
        if state not in (FIRING, PENDING):
            raise Skipped("malformed")
        started = since.get(without_state(told))
        return _finding(
            told,
            proofs,
            firing=state == FIRING,
            confirmed=state == FIRING,
            since=_moment(started),
        )

    return _read_all(series, read)


def _moment(value: float | None) -> int | None:
    """Return a sample's value as whole Unix seconds, None where it is no time."""
    return int(value) if value is not None and math.isfinite(value) and value >= 0 else None


def without_state(told: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    """Return the labels that an alert's ALERTS and ALERTS_FOR_STATE series share."""
    return frozenset(
        (name, value) for name, value in told.items() if name not in ("alertstate", "__name__")
    )


def _read_all(alerts: Iterable[Any], read: Callable[[Any], Finding]) -> Reading:
    findings: list[Finding] = []
    skipped: Counter[str] = Counter()
    for alert in alerts:
        try:
            findings.append(read(alert))
        except Skipped as reason:
            skipped[str(reason)] += 1
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
            skipped["malformed"] += 1
    return Reading(findings=tuple(findings), skipped=dict(skipped))


def _labels(alert: Mapping[str, Any], name: str) -> dict[str, str]:
    found = alert.get(name) or {}
    if not all(isinstance(value, str) for value in found.values()):
        raise ValueError(f"{name}: not all are text")
    return dict(found)


def _finding(  # noqa: PLR0913 - an alert's parts, all by keyword
    told: Mapping[str, str],
    proofs: Proofs,
    *,
    firing: bool,
    confirmed: bool = False,
    silenced: bool = False,
    since: int | None,
    evidence: str = "",
) -> Finding:
    proof = _proof_for(told, proofs)
    place = _label(told, proof.identity) if proof.is_wide else ""
    device, name = _device(told, proof)
    return Finding(
        node="" if proof.is_wide else _label(told, labels.NODE, _MAX_NAME),
        scope=proof.scope if proof.is_wide else None,
        place=place,
        device=device,
        name=name,
        fault=proof.fault,
        condition=proof.condition,
        verdict=min(Verdict.parse(told.get(labels.VERDICT, "")), proof.verdict),
        firing=firing,
        confirmed=confirmed,
        silenced=silenced,
        since=since,
        evidence=evidence,
    )


def _proof_for(told: Mapping[str, str], proofs: Proofs) -> Proof:
    if told.get(labels.CONDITION, "") not in BY_TYPE:
        raise Skipped("unknown_condition")
    proof = proofs.faults.get(told.get(labels.FAULT, ""))
    if proof is None or proof.condition != told[labels.CONDITION]:
        raise Skipped("unknown_fault")
    if proof.condition == ACCELERATORS_UNVERIFIED.type:
        raise Skipped("unknown_fault")  # the bridge's own, which no alert may claim
    return proof


def _device(told: Mapping[str, str], proof: Proof) -> tuple[str, str]:
    """Return the device's identity and its name for display."""
    if not proof.identity:
        return wire.NODE, wire.NODE
    if proof.is_wide:
        place = _label(told, proof.identity)
        return wire.place(proof.scope.value, place), f"{proof.scope.value} {place}"
    if proof.identity == labels.UUID:
        uuid = _label(told, labels.UUID)
        return uuid, wire.gpu_name(told[labels.GPU][:_MAX_LABEL]) if told.get(labels.GPU) else uuid
    if told.get(labels.DEVICE) and told.get(labels.PORT):
        device, port = _label(told, labels.DEVICE), _label(told, labels.PORT)
        guid = _label(told, labels.GUID) if told.get(labels.GUID) else f"{device}+{port}"
        return guid, f"{device}/{port}"
    guid = _label(told, labels.GUID)
    return guid, guid


def _label(told: Mapping[str, str], name: str, most: int = _MAX_LABEL) -> str:
    value = told.get(name, "")
    if not value or len(value) > most or not value.isprintable():
        raise Skipped("malformed")
    return value


def _evidence(notes: Mapping[str, str], generator: object) -> str:
    """Return what the alert says, with a link: to its runbook, else to where it is judged."""
    said = notes.get("description") or notes.get("summary") or ""
    link = f"runbook: {page}" if (page := notes.get("runbook_url", "")) else ""
    if not link and isinstance(generator, str) and 0 < len(generator) <= _MAX_LINK:
        link = f"source: {generator}"
    parts = [" ".join(said.split()).rstrip("."), link]
    return _printable("; ".join(part for part in parts if part))[:MAX_EVIDENCE]


def _printable(text: str) -> str:
    return re.sub(r"[^\x20-\x7e\u00a0-\ud7ff]", "?", text)


def merge(findings: Iterable[Finding]) -> dict[str, dict[tuple[str, str], Finding]]:
    """Return node → (fault, device) → what all sources together say, whatever their order."""
    merged: dict[str, dict[tuple[str, str], Finding]] = {}
    for finding in findings:
        of_node = merged.setdefault(finding.node, {})
        known = of_node.get(finding.key)
        of_node[finding.key] = finding if known is None else _merge(known, finding)
    return merged


def _merge(one: Finding, other: Finding) -> Finding:
    """Return what two sources say together: where only one is trusted, its word counts.

    Anyone may post to an Alertmanager, and make an alert harsher or older than it is.
    """
    if one.firing != other.firing:
        judged = one if one.firing else other
        return replace(judged, silenced=one.silenced or other.silenced)
    trusted = [each for each in (one, other) if each.confirmed] or [one, other]
    told = [each.since for each in trusted if each.since is not None] or [
        each.since for each in (one, other) if each.since is not None
    ]
    return replace(
        one,
        name=min(one.name, other.name),
        verdict=max(each.verdict for each in trusted),
        confirmed=one.confirmed or other.confirmed,
        silenced=one.silenced or other.silenced,
        since=min(told, default=None),
        evidence=min(filter(None, (one.evidence, other.evidence)), default=""),
    )
