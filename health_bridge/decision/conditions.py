"""What a condition and its taint shall be, given the faults and what is observed. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from catalog import wire
from catalog.faults import Recovery
from catalog.verdicts import Verdict
from health_bridge.decision.nodes import ConditionState, Keys, Taint
from health_bridge.decision.proofs import Proof, Proofs
from health_bridge.decision.record import APPLIED, Fault, format_time
from health_bridge.decision.verified import ACCEPTED, FUTURE, Word
from program.durations import format_duration

TRUE, FALSE, UNKNOWN = "True", "False", "Unknown"
HEALTHY = "Healthy"
TELEMETRY_LOST = "TelemetryLost"

MAX_MESSAGE = 1024

_DEMANDS = {
    Recovery.NONE: "",
    Recovery.RESET: " after a reset",
    Recovery.REBOOT: " after a reboot",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gaze:
    """How well a node is observed, for one condition."""

    observed: bool
    """Every facility that the condition's faults read is observed now."""
    blind: bool
    """One of them has not been for longer than the grace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """A condition's status so far, "" where there is none."""

    status: str
    """As it stands on the node."""
    recorded: str
    """As it was last decided; the node may lag behind by a crash."""


def wanted_condition(
    condition: str, before: Before, faults: Sequence[Fault], gaze: Gaze, proofs: Proofs
) -> ConditionState | None:
    """Return the condition as it shall be, None where it shall stay as it is.

    It is False only while observed, so one that was never observed is never written; it becomes
    Unknown only when its fault is closed or there is none, and nobody can see any more.
    """
    if faults:
        return _faulty(faults, proofs)
    if gaze.observed:
        return ConditionState(status=FALSE, reason=HEALTHY, message=_seen(condition, proofs))
    if not before.status and not before.recorded:
        return None
    if gaze.blind or before.status == TRUE:
        return ConditionState(
            status=UNKNOWN, reason=TELEMETRY_LOST, message=_unseen(condition, proofs)
        )
    return None


def _seen(condition: str, proofs: Proofs) -> str:
    return f"Observed, and no fault: {', '.join(proofs.facilities(condition))}"


def _unseen(condition: str, proofs: Proofs) -> str:
    facilities = ", ".join(proofs.facilities(condition))
    return f"Not all is observed any more of: {facilities}"


def _faulty(faults: Sequence[Fault], proofs: Proofs) -> ConditionState:
    """Tell the worst fault; nothing in the message changes while the fault is the same."""
    worst = min(faults, key=lambda fault: fault.rank)
    proof = proofs.faults.get(worst.fault)
    more = f"; {len(faults) - 1} more" if len(faults) > 1 else ""
    tail = more + (f"; {_way_back(proof)}" if proof else "")
    evidence = f"; {worst.evidence}" if worst.evidence else ""
    how = worst.withheld_by or worst.fence
    by = f" ({how})" if how else ""
    message = f"{_who(worst)}: {worst.verdict.label} {worst.action}{by}{evidence}"
    room = MAX_MESSAGE - len(tail) - len(wire.CUT)
    if len(message) > room:
        message = message[:room] + wire.CUT
    return ConditionState(status=TRUE, reason=worst.fault, message=message + tail)


def _who(fault: Fault) -> str:
    return fault.name if fault.name == fault.device else f"{fault.name} ({fault.device})"


def _way_back(proof: Proof) -> str:
    return f"clears on {format_duration(proof.soak)} of proven health{_DEMANDS[proof.recovery]}"


def with_word(
    state: ConditionState, word: Word, faults: Sequence[Fault], now: float
) -> ConditionState:
    """Return the condition with what a person's word is worth to it, where that matters."""
    if state.status == UNKNOWN:
        return state
    said = _said(word, faults, now) if faults else _trusted(word, now)
    message = state.message
    if len(message) > MAX_MESSAGE - len(said):
        message = message[: MAX_MESSAGE - len(said) - len(wire.CUT)] + wire.CUT
    return replace(state, message=message + said)


def _trusted(word: Word, now: float) -> str:
    if word.at is None or word.worth(now) != ACCEPTED:
        return ""
    return f"; a person verified the node at {format_time(word.at)}"


def _said(word: Word, faults: Sequence[Fault], now: float) -> str:
    """Say why the fault that the condition names is still there."""
    if word.at is None:
        return "; verified refused: it is no RFC 3339 time"
    if word.worth(now) == FUTURE:
        return "; verified refused: it is in the future"
    worst = min(faults, key=lambda fault: fault.rank)
    if word.covers(worst.since, now):
        return f"; verified at {format_time(word.at)}: waits until every source finds it quiet"
    return f"; verified at {format_time(word.at)}, before the fault began"


def wanted_taint(
    condition: str, faults: Sequence[Fault], keys: Keys, ceiling: Verdict = Verdict.DRAIN
) -> Taint | None:
    """Return the taint of a condition: the worst verdict among the faults that are applied.

    Below a `ceiling`, which a pause sets, a taint stays while any fault of its condition is open:
    it is neither made worse nor taken away.
    """
    applied = [fault.verdict for fault in faults if fault.action == APPLIED and not fault.fence]
    if ceiling < Verdict.DRAIN:
        applied = [min(fault.verdict, ceiling) for fault in faults if not fault.fence]
    verdict = max(applied, default=None)
    if verdict is None or verdict.taint_effect is None:
        return None
    return Taint(key=keys.taint(condition), value=verdict.label, effect=verdict.taint_effect)
