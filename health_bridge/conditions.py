"""What a condition and its taint shall be, given the faults and what is observed. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from catalog import wire
from catalog.faults import Recovery
from health_bridge.nodes import ConditionState, Keys, Taint
from health_bridge.proofs import Proof, Proofs
from health_bridge.record import APPLIED, Fault
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
    message = f"{_who(worst)}: {worst.verdict.label} {worst.action}{evidence}"
    room = MAX_MESSAGE - len(tail) - len(wire.CUT)
    if len(message) > room:
        message = message[:room] + wire.CUT
    return ConditionState(status=TRUE, reason=worst.fault, message=message + tail)


def _who(fault: Fault) -> str:
    return fault.name if fault.name == fault.device else f"{fault.name} ({fault.device})"


def _way_back(proof: Proof) -> str:
    return f"clears on {format_duration(proof.soak)} of proven health{_DEMANDS[proof.recovery]}"


def wanted_taint(condition: str, faults: Sequence[Fault], keys: Keys) -> Taint | None:
    """Return the taint of a condition: the worst verdict among the faults that are applied."""
    applied = [fault.verdict for fault in faults if fault.action == APPLIED]
    verdict = max(applied, default=None)
    if verdict is None or verdict.taint_effect is None:
        return None
    return Taint(key=keys.taint(condition), value=verdict.label, effect=verdict.taint_effect)
