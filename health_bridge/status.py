"""What the status page tells, as values: built anew from the last cycle at each request. Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from catalog import bridge
from health_bridge.decision.accounts import budget_kind
from health_bridge.decision.decide import Decision
from health_bridge.decision.policy import Policy
from health_bridge.decision.record import WITHHELD, Fault, format_time
from health_bridge.decision.shadow import Imagined
from health_bridge.decision.states import State
from health_bridge.decision.waiting import ago, waits_for
from health_bridge.latency import quantile
from health_bridge.poll import Round
from health_bridge.tolerate import Intolerant, Survey

MAX_NODES = 200
"""Nodes on one page, the worst first."""

MAX_TEXT = 300
"""Characters of evidence on the page; the node's annotation has more."""

_LINK = re.compile(
    r"; (?:runbook|source): (https?://[!-~]+)|^(?:runbook|source): (https?://[!-~]+)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultStatus:
    """One open fault."""

    fault: str
    condition: str
    device: str
    name: str
    verdict: str
    action: str
    by: str
    """What withholds it, or fences the device in the taint's place."""
    state: str
    waits_for: str
    since: str
    age: str
    evidence: str
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatus:
    """One node with its open faults, the worst first."""

    name: str
    verdict: str
    withheld: bool
    faults: tuple[FaultStatus, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetStatus:
    """The fullest account of one kind of budget."""

    kind: str
    size: int
    used: int
    withheld: int
    """Nodes that it holds back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStatus:
    """One Alertmanager or Prometheus."""

    name: str
    kind: str
    up: bool
    answered: str
    """How long ago it last answered all, "" where it never has."""
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HopStatus:
    """One hop of new faults: bounds in seconds, None where beyond the largest."""

    hop: str
    count: int
    median: float | None
    p99: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known besides the decision."""

    now: float
    version: str
    cluster: str = ""
    leads: str = ""
    """Who leads where it is not this replica."""
    mode: str = "writes"
    paused: str = ""
    error: str = ""
    log_error: str = ""
    interval: float = 15.0
    kinds: Mapping[str, str] = field(default_factory=dict)
    answered: Mapping[str, float] = field(default_factory=dict)
    """Source → when it last answered."""
    hops: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)
    """Hop → cumulative buckets."""
    survey: Survey = field(default_factory=Survey)
    imagined: Imagined | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """The last whole cycle."""

    began: float
    seen: Round
    decision: Decision
    policy: Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The whole page."""

    facts: Facts
    at: str
    began: str = ""
    age: str = ""
    verdict_max: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    states: Mapping[str, int] = field(default_factory=dict)
    budgets: tuple[BudgetStatus, ...] = ()
    withheld: Mapping[str, int] = field(default_factory=dict)
    """What withholds → faults."""
    sources: tuple[SourceStatus, ...] = ()
    hops: tuple[HopStatus, ...] = ()
    nodes: tuple[NodeStatus, ...] = ()
    matching: int = 0
    """Nodes with faults that the filter lets through, those beyond the page too."""
    filter: str = ""
    daemon_sets: tuple[Intolerant, ...] = ()


def status(facts: Facts, cycle: Cycle | None, wanted: str = "") -> Status:
    """Return the page's content; `wanted` is a part of the names of nodes to show."""
    bare = Status(
        facts=facts,
        at=format_time(facts.now),
        filter=wanted,
        hops=tuple(_hop(hop, facts.hops.get(hop, ())) for hop in bridge.HOPS),
        sources=tuple(_sources(facts, cycle.seen if cycle else None)),
        daemon_sets=facts.survey.found[:MAX_NODES],
    )
    return bare if cycle is None else _with_cycle(bare, cycle)


def _with_cycle(bare: Status, cycle: Cycle) -> Status:
    decision, now = cycle.decision, bare.facts.now
    wanted = bare.filter.lower()
    nodes = [(faults, name) for name, faults in decision.faults.items() if wanted in name.lower()]
    nodes.sort(key=lambda each: (min(fault.rank[:2] for fault in each[0]), each[1]))
    return replace(
        bare,
        began=format_time(cycle.began),
        age=ago(now - cycle.began),
        verdict_max=cycle.policy.verdict_max.label,
        counts=_counts(decision),
        states=_states(decision),
        budgets=tuple(_budgets(decision)),
        withheld=_withheld(decision),
        nodes=tuple(_node(name, faults, cycle, now) for faults, name in nodes[:MAX_NODES]),
        matching=len(nodes),
    )


def _counts(decision: Decision) -> dict[str, int]:
    ledger = decision.ledger
    return {
        "managed": decision.managed,
        "with faults": len(decision.faults),
        "out of use": len(ledger.taken),
        "held back": len(ledger.withheld) + len(ledger.unavoided),
        "blind": len(decision.blind),
        "suspected": decision.suspected,
    }


def _states(decision: Decision) -> dict[str, int]:
    tally: Counter[str] = Counter()
    for (_, state), count in decision.tally.items():
        tally[state.value] += count
    return {state: tally[state] for state in bridge.FAULT_STATES}


def _withheld(decision: Decision) -> dict[str, int]:
    faults = (fault for of_node in decision.faults.values() for fault in of_node)
    return Counter(budget_kind(fault.withheld_by) for fault in faults if fault.withheld_by)


def _budgets(decision: Decision) -> Iterator[BudgetStatus]:
    ledger = decision.ledger
    refused = Counter(map(budget_kind, (*ledger.withheld.values(), *ledger.unavoided.values())))
    for kind, level in ledger.levels.items():
        yield BudgetStatus(kind=kind, size=level.size, used=level.used, withheld=refused[kind])


def _sources(facts: Facts, seen: Round | None) -> Iterator[SourceStatus]:
    errors = seen.errors if seen else {}
    for name, kind in facts.kinds.items():
        last = facts.answered.get(name)
        yield SourceStatus(
            name=name,
            kind=kind,
            up=seen is not None and name not in errors,
            answered="" if last is None else ago(facts.now - last),
            error=errors.get(name, "").removeprefix(f"{name}: ")[:MAX_TEXT],
        )


def _hop(hop: str, buckets: Sequence[tuple[float, float]]) -> HopStatus:
    return HopStatus(
        hop=hop,
        count=int(buckets[-1][1]) if buckets else 0,
        median=_finite(quantile(buckets, 0.5)),
        p99=_finite(quantile(buckets, 0.99)),
    )


def _finite(seconds: float | None) -> float | None:
    return None if seconds == float("inf") else seconds


def _node(name: str, faults: Iterable[Fault], cycle: Cycle, now: float) -> NodeStatus:
    ranked = sorted(faults, key=lambda fault: fault.rank)
    states = cycle.decision.states.get(name, {})
    return NodeStatus(
        name=name,
        verdict=ranked[0].verdict.label,
        withheld=any(fault.action == WITHHELD for fault in ranked),
        faults=tuple(_fault(each, states.get(each.key), cycle, now) for each in ranked),
    )


def _fault(fault: Fault, state: State | None, cycle: Cycle, now: float) -> FaultStatus:
    link = _LINK.search(fault.evidence)
    return FaultStatus(
        fault=fault.fault,
        condition=fault.condition,
        device=fault.device,
        name=fault.name,
        verdict=fault.verdict.label,
        action=fault.action,
        by=fault.withheld_by or fault.fence,
        state="" if state is None else state.value,
        waits_for=waits_for(state, cycle.policy.proofs.faults.get(fault.fault)),
        since=format_time(fault.since),
        age=ago(now - fault.since),
        evidence=_LINK.sub("", fault.evidence)[:MAX_TEXT],
        link=next(filter(None, link.groups()), "") if link else "",
    )
