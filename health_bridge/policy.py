"""What the owner allows: the part of the settings that a decision depends on."""

import hashlib
from dataclasses import dataclass, field, replace

from catalog import wire
from catalog.conditions import ACCELERATORS_UNVERIFIED
from catalog.verdicts import Verdict
from health_bridge.connection import Connection
from health_bridge.limits import Rate, rate, share
from health_bridge.nodes import Keys
from health_bridge.proofs import Proofs
from health_bridge.settings import Settings
from program.errors import ProgramError


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


def policy_of(settings: Settings, proofs: Proofs, started: float = float("inf")) -> Policy:
    """Return the policy that the settings describe; ProgramError where the proofs lack one."""
    known = {proof.condition for proof in proofs.faults.values()}
    if settings.verify_nodes and ACCELERATORS_UNVERIFIED.type not in known:
        raise ProgramError(
            f"--verify-nodes: --proofs.file {settings.proofs_file} has no proof for "
            f"{ACCELERATORS_UNVERIFIED.type}: no node would ever be verified; render it anew"
        )
    return Policy(
        proofs=proofs if settings.verify_nodes else without_verification(proofs),
        verdict_max=Verdict.parse(settings.verdict_max),
        budget=settings.budget_fleet,
        tiers=settings.budget_tiers,
        labels=settings.budget_labels,
        avoid=settings.budget_avoid,
        rate=rate(settings.budget_rate),
        domain_share=share(settings.domain_share),
        line_label=settings.line_label,
        blind_grace=settings.blind_grace,
        boot_grace=settings.boot_grace,
        flap_window=settings.flap_window,
        keys=keys_of(settings),
        gpu_fallback=settings.gpu_scope_fallback == "node",
        verify_nodes=settings.verify_nodes,
        selector=hashlib.sha256(settings.node_selector.encode()).hexdigest()[:8],
        started=started,
    )


def without_verification(proofs: Proofs) -> Proofs:
    """Return the proofs without that of a whole node, whose condition is then not maintained."""
    unverified = ACCELERATORS_UNVERIFIED.type
    kept = {name: proof for name, proof in proofs.faults.items() if proof.condition != unverified}
    return replace(proofs, faults=kept)


def keys_of(connection: Connection) -> Keys:
    """Return the keys that the settings name, and the node labels that they look at."""
    labels: set[str] = set()
    if isinstance(connection, Settings):
        labels = {connection.line_label, *(key for key, _ in connection.budget_labels)}
    return Keys(prefix=connection.key_prefix, labels=frozenset(labels))
