"""The life of a fault: what opens it, what its verdict is, and what closes it. Pure.

An alert that stopped firing closes nothing. A fault is closed by proof from every source that
vouches for its node, with no source showing the alert pending or firing, and a reset or reboot
since where the fault demands one. The soak is in the proof's own query. A person's word for the
repair stands for proof, reset and reboot.
"""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace

from catalog import labels, wire
from catalog.conditions import ACCELERATORS_UNVERIFIED
from catalog.faults import Recovery
from catalog.verdicts import Verdict
from health_bridge.decision.alerts import Finding
from health_bridge.decision.damping import times
from health_bridge.decision.policy import Policy
from health_bridge.decision.proofs import Proof, Proofs
from health_bridge.decision.record import APPLIED, Fault, Record
from health_bridge.decision.sight import Questions, Sight, Witness
from health_bridge.decision.states import renewed
from health_bridge.decision.verified import Word

MAX_FAULTS = 100
"""Open faults of one node; more would not fit its annotation."""

Findings = Mapping[tuple[str, str], Finding]
"""(fault, device) → what the sources say of it."""


def open_questions(
    records: Mapping[str, Record], findings: Mapping[str, Findings], proofs: Proofs
) -> Questions:
    """Return what to ask: proofs of the open faults whose alert no source shows any more."""
    asked: dict[tuple[str, int], set[str]] = {}
    replaced: dict[str, set[str]] = {}
    boots: set[str] = set()
    resets: set[str] = set()
    for node, record, fault, proof in _silent_or_again(records, findings, proofs):
        if fault.key not in findings.get(node, {}):
            question = fault.fault, times(fault.key, record.history)
            asked.setdefault(question, set()).add(_subject(node, fault, proof))
            if proofs.whole is not None and proof.identity == labels.UUID:
                replaced.setdefault(node, set()).add(fault.device)
        if proof.recovery is not Recovery.NONE or node in replaced:
            boots.add(node)
        if proof.recovery is Recovery.RESET:
            resets.add(node)
    return Questions(
        proofs={question: frozenset(names) for question, names in asked.items()},
        replaced={node: frozenset(uuids) for node, uuids in replaced.items()},
        boots=frozenset(boots),
        resets=frozenset(resets),
    )


def _silent_or_again(
    records: Mapping[str, Record], findings: Mapping[str, Findings], proofs: Proofs
) -> Iterator[tuple[str, Record, Fault, Proof]]:
    """Yield the open faults that may have recovered, or fire anew since they are known."""
    for node, record in records.items():
        of_node = findings.get(node, {})
        for fault in record.faults:
            proof, finding = proofs.faults.get(fault.fault), of_node.get(fault.key)
            if proof is not None and (finding is None or _is_again(fault, finding)):
                yield node, record, fault, proof


def _subject(node: str, fault: Fault, proof: Proof) -> str:
    """Return what a proof is asked of: the node, or the domain or line that the fault is of."""
    if not proof.is_wide:
        return node
    return fault.device.removeprefix(wire.place(proof.scope.value, ""))


def open_faults(
    node: str, record: Record, findings: Findings, sight: Sight, policy: Policy
) -> tuple[Fault, ...]:
    """Return the faults that are open now: those of before that are not closed, and new ones."""
    before = {fault.key: fault for fault in record.faults}
    sources = vouching(node, record, sight)
    word = _heard(record.verified, sources, sight)
    kept = [
        _held(fault, findings.get(fault.key), policy, sight, record.verified)
        for fault in before.values()
        if fault.key in findings
        or not (
            (word is not None and word.covers(fault.since, sight.now))
            or _closed(node, fault, record, sight, policy.proofs)
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


def _held(
    fault: Fault, finding: Finding | None, policy: Policy, sight: Sight, word: Word | None
) -> Fault:
    """Return an open fault as it stands now: its verdict falls only with the caps.

    An alert that fires anew, later than the fault is known for, is a new occurrence, unless the
    node is just coming up: a reboot or reset before it proves nothing.
    """
    proof = policy.proofs.faults.get(fault.fault)
    verdict = min(fault.verdict, policy.verdict_max, proof.verdict if proof else Verdict.DRAIN)
    if finding is None or not finding.firing:
        return replace(fault, verdict=verdict)
    again = _is_again(fault, finding) and not _is_settling(finding, policy, sight)
    moves = again and _matters(fault, finding, proof, sight, word)
    return replace(
        fault,
        name=finding.name,
        verdict=max(verdict, _warranted(finding, policy)),
        since=max(_since(finding, sight.now), fault.since) if moves else fault.since,
        evidence=finding.evidence
        if finding.evidence and (moves or not fault.evidence)
        else fault.evidence,
    )


def _matters(
    fault: Fault, finding: Finding, proof: Proof | None, sight: Sight, word: Word | None
) -> bool:
    """Whether it makes a difference that the fault began anew.

    It does where something that could prove the repair of the first occurrence came between, or
    may have. Else the fault keeps its beginning: an alert that flaps is then no flood of writes.
    """
    again = _since(finding, sight.now)
    if word is not None and word.at is not None and fault.since < word.at <= again:
        return True
    if proof is None or proof.recovery is Recovery.NONE:
        return False
    device = fault.device if proof.recovery is Recovery.RESET else None
    moments = sight.renewals(finding.node, device)
    return moments is None or any(fault.since < int(moment) <= again for moment in moments)


def _heard(word: Word | None, sources: AbstractSet[str], sight: Sight) -> Word | None:
    """Return a person's word where it can be taken: every source must say that no alert is active.

    It stands for the proof, not for the sources' silence.
    """
    answered = bool(sight.witnesses) and sources <= sight.witnesses.keys()
    return word if sight.complete and answered else None


def vouching(node: str, record: Record, sight: Sight) -> frozenset[str]:
    """Return the sources whose word a node's recovery needs: those that observe it or ever did."""
    return sight.vouching(node) | set(record.owned.sources)


def provers(node: str, record: Record, proof: Proof | None, sight: Sight) -> frozenset[str]:
    """Return the sources that have to prove the recovery from a fault.

    For a domain or line it is every configured one, where one that answers and does not see the
    like at all is excused.
    """
    if proof is not None and proof.is_wide:
        return sight.observers(proof.facilities) | sight.down
    return vouching(node, record, sight)


def _closed(node: str, fault: Fault, record: Record, sight: Sight, proofs: Proofs) -> bool:
    proof = proofs.faults.get(fault.fault)
    sources = provers(node, record, proof, sight)
    if proof is None or not sources or not sight.complete or _is_too_early(fault, proof, sight.now):
        return False
    proven = (
        fault.fault,
        "" if proof.is_wide else node,
        fault.device,
        times(fault.key, record.history),
    )
    return all(
        (told := sight.witnesses.get(source)) is not None
        and (
            (proven in told.proven and renewed(told, node, fault, proof) > fault.since)
            or _is_replaced(told, node, fault)
        )
        for source in sources
    )


def _is_replaced(told: Witness, node: str, fault: Fault) -> bool:
    """Whether the node is whole without the device, since a reboot that is later than the fault."""
    booted = told.boot_times.get(node, 0.0)
    return (node, fault.device) in told.replaced and booted > fault.since


def _is_too_early(fault: Fault, proof: Proof, now: float) -> bool:
    """Whether the proof of a rebooted node may stand on samples from before the reboot."""
    unverified = proof.condition == ACCELERATORS_UNVERIFIED.type
    return unverified and now - fault.since < proof.soak
