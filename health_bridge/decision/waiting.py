"""What an open fault waits for, and for how long it has, in words. Pure."""

from catalog.faults import Recovery
from health_bridge.decision.proofs import Proof
from health_bridge.decision.states import State
from program.durations import format_duration


def waits_for(state: State | None, proof: Proof | None) -> str:
    """Say what has to happen before the fault is over."""
    if proof is None:
        return _WITHOUT_PROOF
    soak = format_duration(proof.soak)
    demand = {
        Recovery.NONE: "",
        Recovery.RESET: ", after a reset",
        Recovery.REBOOT: ", after a reboot",
    }[proof.recovery]
    said = {
        State.ACTIVE: f"the alert to end{demand}, then {soak} of proven health",
        State.AWAITING_RESET: f"a reset of the device, then {soak} of proven health",
        State.AWAITING_REBOOT: f"a reboot of the node, then {soak} of proven health",
        State.SOAKING: f"{soak} of proven health",
        State.BLIND: f"its telemetry: {', '.join(proof.facilities)}",
    }
    return said.get(state or State.AWAITING_PROOF, _WITHOUT_ANSWER)


_WITHOUT_ANSWER = "every source that has to prove it to answer and observe it"
_WITHOUT_PROOF = "what made it, or a person's word: no proof of its own clears it"


def ago(seconds: float) -> str:
    """Return a time span in its two largest units; below a second it is none."""
    whole = max(0, int(seconds))
    parts: list[str] = []
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)):
        count, whole = divmod(whole, size)
        if count or parts:
            parts.append(f"{count}{unit}")
    kept = [part for part in parts[:2] if not part.startswith("0")]
    return " ".join(kept) or "0s"
