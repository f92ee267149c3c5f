"""The decision: nodes, what the sources say, and what the owner allows, to steps. Pure.

Every cycle decides everything anew. Given the same nodes and sources it decides the same, whatever
came before; the only memory is since when a condition's telemetry is missing, and losing that
only restarts the grace.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from catalog.faults import Scope
from health_bridge.decision.alerts import merge
from health_bridge.decision.budget import Ledger, settle, withholder
from health_bridge.decision.case import Case, case_of
from health_bridge.decision.conditions import UNKNOWN
from health_bridge.decision.domains import FAIL_TOGETHER, Map, spread, widen
from health_bridge.decision.fencing import Fences, Fencing, Rule
from health_bridge.decision.lost import with_lost
from health_bridge.decision.nodes import Node
from health_bridge.decision.outcome import Context, Memory, ceiling
from health_bridge.decision.policy import Policy
from health_bridge.decision.quiet import Quiet
from health_bridge.decision.record import APPLIED, WITHHELD, Fault, Record, read_record
from health_bridge.decision.recovery import Findings, open_faults, open_questions
from health_bridge.decision.sight import Questions, Sight
from health_bridge.decision.states import State
from health_bridge.decision.steps import NodeSteps
from health_bridge.decision.verification import Checked, check, proven_boot


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do, and what it was derived from, for the metrics."""

    plans: tuple[NodeSteps, ...]
    memory: Memory
    ledger: Ledger
    faults: Mapping[str, tuple[Fault, ...]] = field(default_factory=dict)
    """Node → its open faults, with what becomes of them."""
    states: Mapping[str, Mapping[tuple[str, str], State]] = field(default_factory=dict)
    """Node → (fault, device) → where an open fault is on its way."""
    rules: frozenset[Rule] = frozenset()
    """The device taint rules of ours that shall be there, and no other."""
    tally: Mapping[tuple[str, State], int] = field(default_factory=dict)
    """(condition, state) → faults, suspected and cleared ones too."""
    managed: int = 0
    unmanaged: int = 0
    blind: frozenset[str] = frozenset()
    """Nodes with a condition that is Unknown from now on."""
    verified: Mapping[str, int] = field(default_factory=dict)
    """How many nodes carry a person's word, by what it is worth."""
    suspected: int = 0
    unknown_nodes: int = 0
    """Findings about nodes that are not there or not managed."""
    unknown_places: int = 0
    """Findings about domains and lines that no managed node is in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """The managed nodes by name, what they tell of themselves, and what the sources say of them."""

    nodes: Sequence[Node]
    places: Map
    records: Mapping[str, Record]
    findings: Mapping[str, Findings]
    nowhere: int


def _seen(nodes: Iterable[Node], sight: Sight, policy: Policy) -> _Seen:
    managed = sorted((node for node in nodes if node.managed), key=lambda node: node.name)
    places = Map(managed, policy.line_label)
    told, nowhere = spread(sight.findings, places)
    return _Seen(
        nodes=managed,
        places=places,
        records={
            node.name: read_record(node.devices, node.owned, node.verified) for node in managed
        },
        findings=merge(told),
        nowhere=nowhere,
    )


def questions(nodes: Sequence[Node], sight: Sight, policy: Policy) -> Questions:
    """Return the proofs to ask for before deciding."""
    seen = _seen(nodes, sight, policy)
    return open_questions(seen.records, seen.findings, policy.proofs)


def to_fence(nodes: Sequence[Node], sight: Sight, policy: Policy) -> frozenset[str]:
    """Return the nodes of which a GPU may have to be fenced, or is."""
    of_gpus = {name for name, proof in policy.proofs.faults.items() if proof.scope is Scope.GPU}
    seen = _seen(nodes, sight, policy)
    open_on = {
        name
        for name, record in seen.records.items()
        if any(f.fault in of_gpus for f in record.faults)
    }
    alerts = {name for name, told in seen.findings.items() if any(f in of_gpus for f, _ in told)}
    return frozenset(open_on | (alerts & seen.records.keys()))


def decide(  # noqa: PLR0913 - all that a decision stands on, and what makes it cheap
    nodes: Sequence[Node],
    sight: Sight,
    policy: Policy,
    memory: Memory,
    fences: Fences | None = None,
    *,
    quiet: Quiet | None = None,
) -> Decision:
    """Return the steps that bring every managed node to where it shall be.

    Only a fence that is there, in `fences`, spares a node its taint: one to be put up is put up
    first, and then all is decided again. `quiet` remembers nodes about which nothing is to be
    decided; the decision is the same without it.
    """
    quiet = Quiet() if quiet is None else quiet
    seen = _seen(nodes, sight, policy)
    busy = quiet.others(seen.nodes, seen.findings, sight, policy)
    lost = {node.name: with_lost(node, seen.records[node.name], policy, sight.now) for node in busy}
    records = {**seen.records, **lost}
    checked = check(busy, records, policy, sight.now)
    still = {
        name: _open(name, checked[name], seen.findings.get(name, {}), sight, policy)
        for name in lost
    }
    before = {name: record.faults for name, record in records.items()}
    fencing = Fencing(fences=fences or Fences(), policy=policy, memory=memory, now=sight.now)
    aside = {node.name: fencing.set_aside(node, still[node.name]) for node in busy}
    wanted = widen(aside, before, seen.places, policy.domain_share)
    ledger = settle(seen.nodes, wanted, records, policy, sight.now)
    rules = fencing.rules(wanted, ledger)
    context = Context(sight=sight, policy=policy, memory=memory, new=ledger.new)
    cases = [
        case_of(
            node,
            checked[node.name].record,
            _settled(node, fencing.fenced(node, wanted[node.name], rules), ledger, policy),
            seen.findings.get(node.name, {}),
            context,
            boot=proven_boot(node, checked[node.name], still[node.name], policy),
        )
        for node in busy
    ]
    quiet.learn(cases, records, sight)
    plugins = (fencing.remembered(node, wanted[node.name]) for node in busy)
    decision = _summary(cases, seen, ledger, len(nodes), sight.now)
    kept = {key: since for each in plugins for key, since in each.items()}
    return replace(decision, rules=rules, memory={**decision.memory, **kept})


def _open(
    name: str, checked: Checked, findings: Findings, sight: Sight, policy: Policy
) -> tuple[Fault, ...]:
    """Return the open faults but for those that the bridge makes of several, which are derived."""
    own = (fault for fault in checked.record.faults if fault.fault != FAIL_TOGETHER)
    faults = tuple(replace(fault, withheld_by="") for fault in own)
    opened = () if checked.fault is None else (checked.fault,)
    record = replace(checked.record, faults=faults)
    return (*open_faults(name, record, findings, sight, policy), *opened)


def _settled(
    node: Node, faults: Sequence[Fault], ledger: Ledger, policy: Policy
) -> tuple[Fault, ...]:
    """Return the faults with what becomes of each, and what withholds it."""
    settled = []
    for fault in faults:
        by = withholder(node.name, fault, ledger, ceiling(fault.condition, node, policy))
        settled.append(replace(fault, action=WITHHELD if by else APPLIED, withheld_by=by))
    return tuple(settled)


def _summary(
    cases: Sequence[Case], seen: _Seen, ledger: Ledger, total: int, now: float
) -> Decision:
    by_name = {case.plan.node.name: case for case in cases}
    suspected = _suspected(seen)
    tally = Counter(suspected)
    for case in cases:
        tally.update(case.tally)
    words = (record.verified for record in seen.records.values())
    return Decision(
        plans=tuple(case.plan for case in cases if case.plan.steps),
        memory={
            (name, each.type): each.unseen
            for name, case in by_name.items()
            for each in case.outcomes
            if each.unseen is not None
        },
        ledger=ledger,
        faults={name: case.faults for name, case in by_name.items() if case.faults},
        states={name: case.states for name, case in by_name.items() if case.states},
        tally=tally,
        managed=len(seen.nodes),
        unmanaged=total - len(seen.nodes),
        blind=frozenset(
            name
            for name, case in by_name.items()
            if any(each.status == UNKNOWN for each in case.outcomes)
        ),
        verified=Counter(word.worth(now) for word in words if word is not None),
        suspected=suspected.total(),
        unknown_nodes=sum(
            len(told) for name, told in seen.findings.items() if name not in seen.records
        ),
        unknown_places=seen.nowhere,
    )


def _suspected(seen: _Seen) -> Counter[tuple[str, State]]:
    """Count the pending alerts of faults that are not open."""
    known = {(name, fault.key) for name, record in seen.records.items() for fault in record.faults}
    return Counter(
        (finding.condition, State.SUSPECTED)
        for name, told in seen.findings.items()
        if name in seen.records
        for key, finding in told.items()
        if not finding.firing and (name, key) not in known
    )
