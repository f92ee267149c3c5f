"""What no sequence of alerts, proofs, foreign writes and crashes may bring about."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.faults import Scope
from catalog.verdicts import Verdict
from health_bridge.decision.alerts import Finding
from health_bridge.decision.budget import is_charged, is_taken_by_us
from health_bridge.decision.decide import Decision, decide
from health_bridge.decision.limits import Rate, budget_size
from health_bridge.decision.nodes import Node, Taint
from health_bridge.decision.policy import Policy
from health_bridge.decision.proofs import Proofs
from health_bridge.decision.record import format_time, read_record
from health_bridge.decision.sight import Sight, Witness
from tests.budget import examples
from tests.health_bridge.worlds import (
    ALL,
    FOREIGN,
    KEYS,
    LINE,
    NOW,
    SOURCE,
    VERIFYING,
    WIDE,
    leaf_down,
    link_down,
    lost_gpu,
    node,
    policy,
    write_conditions,
    write_main,
    written,
)

NAMES = tuple("abcdef")
LEAVES = {"leaf-1": "abc", "leaf-2": "def"}
DOMAINS = {**LEAVES, "spine": "abcdef"}
LINES = {"north": "abcd"}
WORDS = ("", "yesterday", *(format_time(NOW + offset) for offset in (-100, -50, 0, 100)))
FAULTS = ("GpuFellOffBus", "RdmaLinkDown")
PROOFS: Proofs = replace(WIDE, faults={**WIDE.faults, **VERIFYING.faults})

UNVERIFIED = KEYS.taint("AcceleratorsUnverified")

verdicts = st.sampled_from(Verdict)


@st.composite
def findings(draw: st.DrawFn) -> tuple[Finding, ...]:
    makers = draw(st.lists(st.tuples(st.sampled_from(NAMES), st.booleans()), max_size=12))
    narrow = [
        (lost_gpu if of_gpu else link_down)(
            name,
            device=draw(st.sampled_from(("x", "y"))),
            **draw(_said()),
        )
        for name, of_gpu in makers
    ]
    wide = [leaf_down(name, **draw(_said())) for name in draw(st.lists(_places, max_size=2))]
    return (*narrow, *wide)


_places = st.sampled_from((*DOMAINS, "leaf-1b", "leaf-2b", "nowhere"))


@st.composite
def _said(draw: st.DrawFn) -> dict[str, object]:
    return {
        "verdict": draw(verdicts),
        "firing": draw(st.booleans()),
        "confirmed": draw(st.booleans()),
        "silenced": draw(st.booleans()),
        "since": NOW - draw(st.integers(0, 100)),
    }


@st.composite
def sights(draw: st.DrawFn) -> Sight:
    nodes = draw(st.sets(st.sampled_from(NAMES)))
    soaks = draw(st.sampled_from((1, 2)))
    proven = [
        (fault, name, device, soaks)
        for name in sorted(draw(st.sets(st.sampled_from(NAMES))))
        for fault in FAULTS
        for device in ("x", "y")
    ]
    proven += [("LeafDown", "", f"domain:{name}", soaks) for name in draw(st.lists(_places))]
    boots = dict.fromkeys(draw(st.sets(st.sampled_from(NAMES))), float(NOW + 1))
    fabric = frozenset({"fabric/links", "uplink/probe"}) if draw(st.booleans()) else frozenset()
    witness = Witness(
        observed={**dict.fromkeys(nodes, ALL), "switchboard": fabric},
        proven=frozenset(proven),
        boot_times=boots,
    )
    return Sight(now=NOW, findings=draw(findings()), witnesses={SOURCE: witness})


@st.composite
def fleets(draw: st.DrawFn) -> list[Node]:
    placed = draw(st.booleans())
    reached = st.sampled_from(("", " ", "b")) if placed else st.just("")
    return [
        node(
            name,
            managed=draw(st.booleans()) or draw(st.booleans()),
            ready=draw(st.integers(0, 9)) > 0,
            cordoned=draw(st.integers(0, 9)) == 0,
            verified=draw(st.sampled_from((None, None, *WORDS))),
            tiers={0: _leaf(name), 1: "spine"} if placed else {},
            leaves=tuple(_leaf(name) + end.strip() for end in sorted({" ", ends})) if ends else (),
            labels={"pool": "p" if name in "abcd" else "q", LINE: "north"} if placed else {},
            boot=draw(st.sampled_from(("", "boot-1"))),
            created=NOW - draw(st.sampled_from((10, 10**6))),
            taints=draw(
                st.sampled_from(
                    ((), (FOREIGN,), (FOREIGN, Taint(key="z", value="", effect="NoExecute")))
                )
            ),
        )
        for name in NAMES
        for ends in (draw(reached),)
    ]


def _leaf(name: str) -> str:
    return "leaf-1" if name in LEAVES["leaf-1"] else "leaf-2"


policies = st.builds(
    policy,
    proofs=st.just(PROOFS),
    verdict_max=verdicts,
    budget=st.sampled_from(("1", "2", "50%", "10%")),
    tiers=st.sampled_from(((), (("0", "1"),), (("0", "50%"), ("1", "2")))),
    labels=st.sampled_from(((), (("pool", "1"),))),
    avoid=st.sampled_from(("1", "50%", "100%")),
    rate=st.sampled_from((None, Rate(nodes="1", window=600.0))),
    domain_share=st.sampled_from((0.0, 0.5)),
    blind_grace=st.sampled_from((0.0, 300.0)),
    flap_window=st.sampled_from((0.0, 300.0)),
    paused=st.integers(0, 3).map(lambda chance: chance == 0),
    verify_nodes=st.just(value=True),
    started=st.just(NOW - 100.0),
)


def taken(nodes: Iterable[Node]) -> set[str]:
    return {each.name for each in nodes if is_taken_by_us(each, KEYS)}


def avoided(nodes: Iterable[Node]) -> set[str]:
    return {
        each.name
        for each in nodes
        for taint in each.taints
        if taint.key in KEYS.taints - {UNVERIFIED} and taint.effect == "PreferNoSchedule"
    }


def named(seen: Sight, nodes: Sequence[Node]) -> set[str]:
    """Return whom the alerts mean, themselves or through their domain."""
    names: set[str] = set()
    for finding in seen.findings:
        if not finding.firing:
            continue
        if finding.scope is Scope.DOMAIN:
            names |= {n.name for n in nodes if finding.place in (*n.tiers.values(), *n.leaves)}
        else:
            names.add(finding.node)
    return names


def spent(at: Node, domain: str) -> str:
    """Return what a node out of use costs its domain: itself, or once the domain's own fault."""
    charged = [fault for fault in read_record(at.devices, at.owned).faults if is_charged(fault)]
    own = {f"domain:{name}" for name in (domain, *(at.leaves if domain in LEAVES else ()))}
    whole = charged and {fault.device for fault in charged} <= own
    return f"domain:{domain}" if whole else at.name


def overspent(nodes: Sequence[Node], new: set[str], under: Policy) -> list[str]:
    """Return the budgets of parts that hold more than they may though a node was newly taken."""
    managed = [each for each in nodes if each.managed]
    ours = taken(nodes)
    away = [n for n in managed if n.name in ours or n.cordoned or not n.ready]
    over = []
    for tier, size in under.tiers:
        for domain in DOMAINS:
            members = [n.name for n in managed if n.tiers.get(int(tier)) == domain]
            units = {spent(n, domain) for n in away if n.name in members}
            if new & set(members) and len(units) > budget_size(size, len(members)):
                over.append(domain)
    for key, size in under.labels:
        for value in ("p", "q"):
            members = [n.name for n in managed if n.labels.get(key) == value]
            out = {n.name for n in away if n.name in members}
            if new & set(members) and len(out) > budget_size(size, len(members)):
                over.append(value)
    return over


@given(fleets(), st.lists(sights(), max_size=4), policies)
@settings(max_examples=examples(150), deadline=None)
def test_never_more_than_any_budget_and_never_a_node_that_no_alert_named(
    nodes: list[Node], seen: list[Sight], under: Policy
) -> None:
    managed = sum(each.managed for each in nodes)
    told: set[str] = set()
    ever: set[str] = set()
    for each in seen:
        told |= named(each, nodes)
        before, soft = taken(nodes), avoided(nodes)
        nodes = written(nodes, decide(nodes, each, under, {}))
        new = taken(nodes) - before
        ever |= new

        assert len(taken(nodes)) <= budget_size(under.budget, managed)
        assert not overspent(nodes, new, under)
        assert under.rate is None or len(ever) <= budget_size(under.rate.nodes, managed)
        is_more_avoided = bool(avoided(nodes) - soft)
        assert not is_more_avoided or len(avoided(nodes)) <= budget_size(under.avoid, managed)
        assert taken(nodes) | avoided(nodes) <= told


def harshness(at: Node) -> dict[str, Verdict]:
    return {t.key: Verdict.parse(t.value) for t in at.taints if t.key in KEYS.taints}


@given(fleets(), st.lists(sights(), min_size=2, max_size=3), policies)
@settings(max_examples=examples(100), deadline=None)
def test_a_pause_adds_no_taint_and_makes_none_worse(
    nodes: list[Node], seen: list[Sight], under: Policy
) -> None:
    nodes = written(nodes, decide(nodes, seen[0], under, {}))

    for each in seen[1:]:
        after = written(nodes, decide(nodes, each, replace(under, paused=True), {}))
        for was, is_now in zip(map(harshness, nodes), map(harshness, after), strict=True):
            assert is_now.keys() <= was.keys()
            assert all(verdict <= was[key] for key, verdict in is_now.items())
        nodes = after


@given(fleets(), st.lists(sights(), max_size=3), policies)
@settings(max_examples=examples(100), deadline=None)
def test_foreign_taints_and_unmanaged_nodes_are_never_touched(
    nodes: list[Node], seen: list[Sight], under: Policy
) -> None:
    def foreign(fleet: Sequence[Node]) -> list[list[Taint]]:
        return [[t for t in each.taints if t.key not in KEYS.taints] for each in fleet]

    before = nodes
    for each in seen:
        nodes = written(nodes, decide(nodes, each, under, {}))

    assert foreign(nodes) == foreign(before)
    assert [n for n in nodes if not n.managed] == [n for n in before if not n.managed]


@given(fleets(), st.lists(sights(), min_size=1, max_size=3), policies)
@settings(max_examples=examples(100), deadline=None)
def test_the_same_sight_again_changes_nothing_once_it_has_settled(
    nodes: list[Node], seen: list[Sight], under: Policy
) -> None:
    for each in [*seen, seen[-1], seen[-1]]:
        decision = decide(nodes, each, under, {})
        nodes = written(nodes, decision)

    assert decide(nodes, seen[-1], under, {}).plans == ()


@given(fleets(), sights(), sights(), policies, st.randoms())
@settings(max_examples=examples(100), deadline=None)
def test_no_order_of_nodes_or_alerts_changes_the_decision(
    nodes: list[Node], first: Sight, second: Sight, under: Policy, chance: random.Random
) -> None:
    nodes = written(nodes, decide(nodes, first, under, {}))
    shuffled_nodes, shuffled = list(nodes), list(second.findings)
    chance.shuffle(shuffled_nodes)
    chance.shuffle(shuffled)
    doubled = replace(second, findings=(*shuffled, *shuffled))

    assert (
        decide(shuffled_nodes, doubled, under, {}).plans == decide(nodes, second, under, {}).plans
    )


def crashed(nodes: Sequence[Node], decision: Decision, writes: Mapping[str, int]) -> list[Node]:
    """Return the nodes where each saw only so many of the two writes meant for it."""
    plans = {plan.node.name: plan for plan in decision.plans}
    after = []
    for at in nodes:
        made = at
        for write in (write_main, write_conditions)[: writes.get(at.name, 0)]:
            made = write(made, plans[at.name]) if at.name in plans else made
        after.append(made)
    return after


def is_consistent(at: Node) -> bool:
    """Whether taints and True conditions are there if and only if the record tells a fault."""
    bad = [state for state in at.conditions.values() if state.status == "True"]
    ours = [taint for taint in at.taints if taint.key in KEYS.taints]
    told = read_record(at.devices, at.owned).faults
    return bool(bad) if told else not bad and not ours


@given(
    fleets(),
    st.lists(sights(), min_size=1, max_size=4),
    policies,
    st.lists(st.dictionaries(st.sampled_from(NAMES), st.integers(0, 2)), min_size=4, max_size=4),
)
@settings(max_examples=examples(150), deadline=None)
def test_crashes_between_any_two_writes_exceed_no_budget_and_converge(
    nodes: list[Node], seen: list[Sight], under: Policy, writes: list[dict[str, int]]
) -> None:
    size = budget_size(under.budget, sum(each.managed for each in nodes))

    for each, survived in zip(seen, writes, strict=False):
        nodes = crashed(nodes, decide(nodes, each, under, {}), survived)
        assert len(taken(nodes)) <= size
    for _ in range(3):
        nodes = written(nodes, decide(nodes, seen[-1], under, {}))

    assert all(is_consistent(each) for each in nodes if each.managed)
    assert decide(nodes, seen[-1], under, {}).plans == ()
