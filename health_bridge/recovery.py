"""The life of a fault: what opens it, what its verdict is, and what closes it. Pure.

An alert that stopped firing closes nothing. A fault is closed by proof from every source that
vouches for its node, with no source showing the alert pending or firing, and a reset or reboot
since where the fault demands one. The soak is in the proof's own query. A person's word for the
repair stands for proof, reset and reboot.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace

from catalog.faults import Recovery
from catalog.verdicts import Verdict
from health_bridge.alerts import Finding
from health_bridge.policy import Policy
from health_bridge.proofs import Proof, Proofs
from health_bridge.record import APPLIED, Fault, Record
from health_bridge.sight import Questions, Sight
from health_bridge.verified import Word

MAX_FAULTS = 100
"""Open faults of one node; more would not fit its annotation."""

Findings = Mapping[tuple[str, str], Finding]
"""(fault, device) → what the sources say of it."""


def open_questions(
    records: Mapping[str, Record], findings: Mapping[str, Findings], proofs: Proofs
) -> Questions:
    """Return what to ask: proofs of the open faults whose alert no source shows any more."""
    asked: dict[str, set[str]] = {}
    boots: set[str] = set()
    resets: set[str] = set()
    for node, record in records.items():
        for fault in record.faults:
            proof = proofs.faults.get(fault.fault)
            if proof is None:
                continue
            finding = findings.get(node, {}).get(fault.key)
            if finding is not None:
                if _is_again(fault, finding):
                    boots.add(node)
                continue
            asked.setdefault(fault.fault, set()).add(node)
            if proof.recovery is not Recovery.NONE:
                boots.add(node)
            if proof.recovery is Recovery.RESET:
                resets.add(node)
    return Questions(
        proofs={fault: frozenset(nodes) for fault, nodes in asked.items()},
        boots=frozenset(boots),
        resets=frozenset(resets),
    )


def open_faults(
    node: str, record: Record, findings: Findings, sight: Sight, policy: Policy
) -> tuple[Fault, ...]:
    """Return the faults that are open now: those of before that are not closed, and new ones."""
    before = {fault.key: fault for fault in record.faults}
    sources = sight.vouching(node) | set(record.owned.sources)
    word = _heard(record.verified, sources, sight)
    kept = [
        _held(fault, findings.get(fault.key), policy, sight)
        for fault in before.values()
        if fault.key in findings
        or not (
            (word is not None and word.covers(fault.since, sight.now))
            or _closed(node, fault, sources, sight, policy.proofs)
        )
    ]
    new = [
        _opened(finding, policy, sight.now)
        for finding in findings.values()
        if finding.firing and finding.key not in before
    ]
    room = max(0, MAX_FAULTS - len(kept))
    return tuple(kept + sorted(new, key=lambda fault: fault.rank)[:room])


def _warranted(finding: Finding, policy: Policy) -> Verdict:
    """Return what a firing alert warrants: what nobody we trust confirms is never a cordon.

    A silence says that people know and want nothing done: the condition tells, no more.
    """
    verdict = min(finding.verdict, policy.verdict_max)
    if finding.silenced:
        return min(verdict, Verdict.OBSERVE)
    return verdict if finding.confirmed else min(verdict, Verdict.AVOID)


def _opened(finding: Finding, policy: Policy, now: float) -> Fault:
    return Fault(
        device=finding.device,
        name=finding.name,
        fault=finding.fault,
        condition=finding.condition,
        verdict=_warranted(finding, policy),
        since=_since(finding, now),
        evidence=finding.evidence,
        action=APPLIED,
    )


def _since(finding: Finding, now: float) -> int:
    """Return when it began; a time in the future would put recovery out of reach."""
    return int(now) if finding.since is None else min(finding.since, int(now))


def _is_again(fault: Fault, finding: Finding) -> bool:
    """Whether an alert fires anew, later than the fault is known for."""
    return finding.firing and finding.since is not None and finding.since > fault.since


def _is_settling(finding: Finding, policy: Policy, sight: Sight) -> bool:
    """Whether an alert began in the grace after a boot that is not over yet.

    While drivers load, a healthy device may look lost for a moment. What goes on for longer than
    the grace is a new occurrence, from its beginning on.
    """
    booted = sight.booted(finding.node)
    if booted is None or finding.since is None:
        return False
    return int(booted) <= finding.since and sight.now <= booted + policy.boot_grace


def _held(fault: Fault, finding: Finding | None, policy: Policy, sight: Sight) -> Fault:
    """Return an open fault as it stands now: its verdict falls only with the caps.

    An alert that fires anew, later than the fault is known for, is a new occurrence, unless the
    node is just coming up: a reboot or reset before it proves nothing.
    """
    proof = policy.proofs.faults.get(fault.fault)
    verdict = min(fault.verdict, policy.verdict_max, proof.verdict if proof else Verdict.DRAIN)
    if finding is None or not finding.firing:
        return replace(fault, verdict=verdict)
    again = _is_again(fault, finding) and not _is_settling(finding, policy, sight)
    return replace(
        fault,
        name=finding.name,
        verdict=max(verdict, _warranted(finding, policy)),
        since=max(_since(finding, sight.now), fault.since) if again else fault.since,
        evidence=finding.evidence
        if finding.evidence and (again or not fault.evidence)
        else fault.evidence,
    )


def _heard(word: Word | None, sources: AbstractSet[str], sight: Sight) -> Word | None:
    """Return a person's word where it can be taken: every source must say that no alert is active.

    It stands for the proof, not for the sources' silence.
    """
    answered = bool(sight.witnesses) and sources <= sight.witnesses.keys()
    return word if sight.complete and answered else None


def _closed(node: str, fault: Fault, sources: Iterable[str], sight: Sight, proofs: Proofs) -> bool:
    proof = proofs.faults.get(fault.fault)
    vouching = list(sources)
    if proof is None or not vouching or not sight.complete:
        return False
    return all(_proves(sight, source, node, fault, proof) for source in vouching)


def _proves(sight: Sight, source: str, node: str, fault: Fault, proof: Proof) -> bool:
    told = sight.witnesses.get(source)
    if told is None or (fault.fault, node, fault.device) not in told.proven:
        return False
    if proof.recovery is Recovery.NONE:
        return True
    renewed = [told.boot_times.get(node, 0.0)]
    if proof.recovery is Recovery.RESET:
        renewed.append(told.reset_times.get((node, fault.device), 0.0))
    return max(renewed) > fault.since
