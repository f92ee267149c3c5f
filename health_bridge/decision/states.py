"""Where each fault is on its way: one function for metrics, annotation and status page. Pure."""

from enum import StrEnum

from catalog import wire
from catalog.faults import Recovery
from health_bridge.decision.alerts import Finding
from health_bridge.decision.proofs import Proof
from health_bridge.decision.record import Fault
from health_bridge.decision.sight import Sight, Witness


class State(StrEnum):
    """The states of a fault, as catalog.bridge.FAULT_STATES explains them."""

    SUSPECTED = "suspected"
    ACTIVE = "active"
    AWAITING_PROOF = "awaiting_proof"
    AWAITING_RESET = "awaiting_reset"
    AWAITING_REBOOT = "awaiting_reboot"
    SOAKING = "soaking"
    CLEARED = "cleared"
    BLIND = "blind"


_AWAITED = {Recovery.RESET: State.AWAITING_RESET, Recovery.REBOOT: State.AWAITING_REBOOT}


def state_of(  # noqa: PLR0913 - all that bears on it, by keyword
    node: str,
    fault: Fault,
    *,
    finding: Finding | None,
    proof: Proof | None,
    sources: frozenset[str],
    sight: Sight,
    blind: bool,
) -> State:
    """Return the state of an open fault.

    `sources` are those that have to prove its recovery, `blind` says that its condition's
    telemetry is lost for longer than the grace.
    """
    if finding is not None:
        return State.ACTIVE
    if blind:
        return State.BLIND
    told = [sight.witnesses.get(source) for source in sources]
    if proof is None or not sight.complete or not told:
        return State.AWAITING_PROOF
    awaited = _AWAITED.get(proof.recovery)
    if awaited and any(
        w is not None and renewed(w, node, fault, proof) <= fault.since for w in told
    ):
        return awaited
    if any(w is None or not _observes(w, node, proof) for w in told):
        return State.AWAITING_PROOF
    return State.SOAKING


def renewed(told: Witness, node: str, fault: Fault, proof: Proof) -> float:
    """Return when the device last became as new as its fault demands; 0 where that is unknown."""
    if proof.recovery is Recovery.NONE:
        return float("inf")
    reboot = told.boot_times.get(node, 0.0)
    if proof.recovery is Recovery.REBOOT:
        return reboot
    return max(reboot, told.reset_times.get((node, fault.device), 0.0))


def _observes(told: Witness, node: str, proof: Proof) -> bool:
    if proof.is_wide:
        return told.observes_anywhere(proof.facilities)
    return told.observed.get(node, frozenset()).issuperset(proof.facilities)


def told_state(state: State, before: str) -> str:
    """Return what the annotation tells of it.

    What awaits a reset or reboot goes on awaiting it while its alert comes and goes, so that a
    flapping alert is no flood of writes.
    """
    if state in wire.TOLD_STATES:
        return state.value
    awaits = (State.AWAITING_RESET, State.AWAITING_REBOOT)
    return before if state is State.ACTIVE and before in awaits else ""
