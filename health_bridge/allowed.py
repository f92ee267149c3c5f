"""What the settings allow: the policy of the decisions, and the keys on the nodes."""

import hashlib
from dataclasses import replace

from catalog.conditions import ACCELERATORS_UNVERIFIED
from catalog.verdicts import Verdict
from health_bridge.connection import Connection
from health_bridge.decision.limits import rate, share
from health_bridge.decision.nodes import Keys
from health_bridge.decision.policy import Policy
from health_bridge.decision.proofs import Proofs
from health_bridge.settings import Settings
from program.errors import ProgramError


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
