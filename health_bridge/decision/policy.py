"""What the owner allows a decision to do."""

from dataclasses import dataclass, field

from catalog import wire
from catalog.verdicts import Verdict
from health_bridge.decision.limits import Rate
from health_bridge.decision.nodes import Keys
from health_bridge.decision.proofs import Proofs


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What is known of faults, and how far the bridge may go about them."""

    proofs: Proofs
    verdict_max: Verdict = Verdict.OBSERVE
    budget: str = "10%"
    """Of the fleet; the next two are of a topology tier's domains and of a node label's values."""
    tiers: tuple[tuple[str, str], ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    avoid: str = "100%"
    rate: Rate | None = None
    domain_share: float = 0.5
    """Share of a domain's nodes that fail alike before they are one fault; 0: never."""
    line_label: str = wire.topology_key(wire.LINE_LABEL)
    blind_grace: float = 300.0
    """Seconds that telemetry may be lost before a condition becomes Unknown."""
    boot_grace: float = 300.0
    """Seconds after a boot within which an open fault may fire again and be no new occurrence."""
    flap_window: float = 86_400.0
    """Seconds within which a fault that has cleared is remembered."""
    keys: Keys = field(default_factory=Keys)
    paused: bool = False
    """No new taint and none made worse; conditions are written and recoveries pass."""
    gpu_fallback: bool = True
    """A GPU's fault that cannot be fenced taints its node; else it only lowers the score."""
    verify_nodes: bool = False
    selector: str = ""
    """A digest of which nodes are managed."""
    started: float = float("inf")
    """When this replica started, Unix seconds: nodes created later are new."""
