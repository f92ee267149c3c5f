"""What no sequence of alerts, proofs, foreign writes and crashes may bring about."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.verdicts import Verdict
from health_bridge.alerts import Finding
from health_bridge.budget import is_taken_by_us
from health_bridge.decide import Decision, decide
from health_bridge.nodes import Keys, Node, Taint
from health_bridge.policy import Policy
from health_bridge.record import format_time
from health_bridge.settings import budget_size
from health_bridge.sight import Sight
from tests.budget import examples
from tests.health_bridge.worlds import (
    FOREIGN,
    NOW,
    link_down,
    lost_gpu,
    node,
    policy,
    sight,
    write_conditions,
    write_main,
    written,
)

NAMES = tuple("abcdef")
KEYS = Keys()
WORDS = ("", "yesterday", *(format_time(NOW + offset) for offset in (-100, -50, 0, 100)))

verdicts = st.sampled_from(Verdict)


@st.composite
def findings(draw: st.DrawFn) -> tuple[Finding, ...]:
    makers = draw(st.lists(st.tuples(st.sampled_from(NAMES), st.booleans()), max_size=12))
    return tuple(
        (lost_gpu if of_gpu else link_down)(
            name,
            device=draw(st.sampled_from(("x", "y"))),
            verdict=draw(verdicts),
            firing=draw(st.booleans()),
            confirmed=draw(st.booleans()),
            silenced=draw(st.booleans()),
            since=NOW - draw(st.integers(0, 100)),
        )
        for name, of_gpu in makers
    )


@st.composite
def sights(draw: st.DrawFn) -> Sight:
    nodes = draw(st.sets(st.sampled_from(NAMES)))
    proven = [
        (fault, name, device)
        for name in sorted(draw(st.sets(st.sampled_from(NAMES))))
        for fault in ("GpuFellOffBus", "RdmaLinkDown")
        for device in ("x", "y")
    ]
    boots = dict.fromkeys(draw(st.sets(st.sampled_from(NAMES))), float(NOW + 1))
    return sight(*draw(findings()), nodes=nodes, proven=proven, boots=boots)


@st.composite
def fleets(draw: st.DrawFn) -> list[Node]:
    return [
        node(
            name,
            managed=draw(st.booleans()) or draw(st.booleans()),
            ready=draw(st.integers(0, 9)) > 0,
            cordoned=draw(st.integers(0, 9)) == 0,
            verified=draw(st.sampled_from((None, None, *WORDS))),
            taints=draw(
                st.sampled_from(
                    ((), (FOREIGN,), (FOREIGN, Taint(key="z", value="", effect="NoExecute")))
                )
            ),
        )
        for name in NAMES
    ]


policies = st.builds(
    lambda cap, budget, grace, paused: policy(
        verdict_max=cap, budget=budget, blind_grace=grace, paused=paused
    ),
    verdicts,
    st.sampled_from(("1", "2", "50%", "10%")),
    st.sampled_from((0.0, 300.0)),
    st.integers(0, 3).map(lambda chance: chance == 0),
)


def taken(nodes: Sequence[Node]) -> set[str]:
    return {each.name for each in nodes if is_taken_by_us(each, KEYS)}


@given(fleets(), st.lists(sights(), max_size=4), policies)
@settings(max_examples=examples(150), deadline=None)
def test_never_more_than_the_budget_and_never_a_node_that_no_alert_named(
    nodes: list[Node], seen: list[Sight], under: Policy
) -> None:
    size = budget_size(under.budget, sum(each.managed for each in nodes))
    named: set[str] = set()
    for each in seen:
        named |= {finding.node for finding in each.findings if finding.firing}
        nodes = written(nodes, decide(nodes, each, under, {}))

        assert len(taken(nodes)) <= size
        assert taken(nodes) <= named


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
    return bool(bad) if at.devices is not None else not bad and not ours


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
