"""What the owner allows: the part of the settings that a decision depends on."""

from dataclasses import dataclass, field

from catalog.verdicts import Verdict
from health_bridge.nodes import Keys
from health_bridge.proofs import Proofs
from health_bridge.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What is known of faults, and how far the bridge may go about them."""

    proofs: Proofs
    verdict_max: Verdict = Verdict.OBSERVE
    budget: str = "10%"
    blind_grace: float = 300.0
    """Seconds that telemetry may be lost before a condition becomes Unknown."""
    boot_grace: float = 300.0
    """Seconds after a boot within which an open fault may fire again and be no new occurrence."""
    keys: Keys = field(default_factory=Keys)
    paused: bool = False
    """No new taint and none made worse; conditions are written and recoveries pass."""


def policy_of(settings: Settings, proofs: Proofs) -> Policy:
    """Return the policy that the settings describe."""
    return Policy(
        proofs=proofs,
        verdict_max=Verdict.parse(settings.verdict_max),
        budget=settings.budget_fleet,
        blind_grace=settings.blind_grace,
        boot_grace=settings.boot_grace,
        keys=Keys(prefix=settings.key_prefix),
    )
