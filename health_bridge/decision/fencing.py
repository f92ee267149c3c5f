"""A faulty GPU kept from pods alone, so that its node needs no taint. Pure.

There are two fences: a DeviceTaintRule of ours on the device that a ResourceSlice names by the
GPU's uuid (names move when a card is lost, so it is resolved anew each time), and a device plugin
that has lowered what the node can allocate, which counts once it has stood for a while. The node's
budget is charged as for a taint, so that the node can be tainted at once when the fence goes.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from catalog import wire
from catalog.faults import Scope
from health_bridge.decision.budget import Ledger, is_charged
from health_bridge.decision.nodes import Node
from health_bridge.decision.policy import Policy
from health_bridge.decision.record import Fault

RULE, PLUGIN = wire.FENCES
FALLBACK = "fallback"

STEADY = 300.0
"""Seconds for which a device plugin must have offered fewer GPUs before that counts as a fence."""

Memory = Mapping[tuple[str, str], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device as ResourceSlices name it."""

    driver: str
    pool: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One DeviceTaintRule of ours: what it taints, and how."""

    name: str
    device: Device
    key: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fences:
    """What can be fenced, and is, as it was read for this decision."""

    devices: Mapping[tuple[str, str], Device] = field(default_factory=dict)
    """(node, uuid) → the device; empty where the API server knows no such rules."""
    rules: frozenset[Rule] = frozenset()


def rule_for(fault: Fault, device: Device, policy: Policy) -> Rule:
    """Return the rule that fences the device of a fault; one for each GPU and condition."""
    digest = hashlib.sha256(fault.device.encode()).hexdigest()[:16]
    key = policy.keys.taint(fault.condition)
    return Rule(
        name=f"railwatch-{digest}-{key.rpartition('/')[2]}",
        device=device,
        key=key,
        value=fault.verdict.label,
    )


def is_gpus(fault: Fault, policy: Policy) -> bool:
    """Whether a fault is of one GPU and would take its node."""
    proof = policy.proofs.faults.get(fault.fault)
    return proof is not None and proof.scope is Scope.GPU and is_charged(fault)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fencing:
    """What a decision needs to know of fences."""

    fences: Fences
    policy: Policy
    memory: Memory
    now: float

    def set_aside(self, node: Node, faults: Sequence[Fault]) -> tuple[Fault, ...]:
        """Mark what nothing can fence and no node may be tainted for: it costs no budget."""
        if self.policy.gpu_fallback or self._is_steady(node, faults):
            return tuple(faults)
        return tuple(
            replace(fault, withheld_by=FALLBACK)
            if is_gpus(fault, self.policy) and self._device(node, fault) is None
            else fault
            for fault in faults
        )

    def rules(self, faults: Mapping[str, Iterable[Fault]], ledger: Ledger) -> frozenset[Rule]:
        """Return the rules that shall be there: of each GPU whose node the budget grants."""
        wanted: dict[str, tuple[int, Rule]] = {}
        for node, fault in _granted(faults, ledger):
            device = self.fences.devices.get((node, fault.device))
            if device is None or not is_gpus(fault, self.policy):
                continue
            rule = rule_for(fault, device, self.policy)
            known = wanted.get(rule.name)
            if known is None or known[0] < fault.verdict:
                wanted[rule.name] = fault.verdict, rule
        return frozenset(rule for _, rule in wanted.values())

    def fenced(
        self, node: Node, faults: Sequence[Fault], rules: frozenset[Rule]
    ) -> tuple[Fault, ...]:
        """Return the faults with what fences each; `rules` are those that shall be there."""
        steady = self._is_steady(node, faults)
        standing = {(rule.device, rule.key) for rule in rules & self.fences.rules}
        return tuple(
            self._with_fence(fault, self._fence(node, fault, standing, steady=steady))
            for fault in faults
        )

    def _with_fence(self, fault: Fault, fence: str) -> Fault:
        may_taint = fence or self.policy.gpu_fallback or not is_gpus(fault, self.policy)
        by = fault.withheld_by if may_taint else FALLBACK
        return replace(fault, fence=fence, withheld_by=by)

    def remembered(self, node: Node, faults: Sequence[Fault]) -> dict[tuple[str, str], float]:
        """Return since when the device plugin offers fewer, to be remembered."""
        since = self._lowered(node, faults)
        return {} if since is None else {(node.name, _marker(node)): since}

    def _fence(
        self, node: Node, fault: Fault, standing: set[tuple[Device, str]], *, steady: bool
    ) -> str:
        if not is_gpus(fault, self.policy):
            return ""
        device = self._device(node, fault)
        if device is not None and (device, self.policy.keys.taint(fault.condition)) in standing:
            return RULE
        return PLUGIN if steady else ""

    def _device(self, node: Node, fault: Fault) -> Device | None:
        return self.fences.devices.get((node.name, fault.device))

    def _is_steady(self, node: Node, faults: Sequence[Fault]) -> bool:
        since = self._lowered(node, faults)
        return since is not None and self.now - since >= STEADY

    def _lowered(self, node: Node, faults: Sequence[Fault]) -> float | None:
        """Return since when the device plugin offers fewer GPUs, by as many as are faulty.

        What the record calls fenced has stood long enough. None where it does not fence, and where
        nobody can tell whether one GPU's parts are missing or two GPUs'.
        """
        capacity, allocatable = node.gpus
        faulty = {fault.device for fault in faults if is_gpus(fault, self.policy)}
        if not faulty or (len(faulty) > 1 and not node.gpu_parts):
            return None
        if not 0 < allocatable <= capacity - len(faulty) * max(1, node.gpu_parts):
            return None
        if any(fault.fence == PLUGIN for fault in faults):
            return self.now - STEADY
        return self.memory.get((node.name, _marker(node)), self.now)


def _granted(faults: Mapping[str, Iterable[Fault]], ledger: Ledger) -> Iterator[tuple[str, Fault]]:
    for node, of_node in faults.items():
        if node in ledger.granted:
            yield from ((node, fault) for fault in of_node)


def _marker(node: Node) -> str:
    """Return what stands in the memory for how much is offered: any change starts the wait anew."""
    return f"gpus={node.gpus[1]}/{node.gpus[0]}"
