"""Alerts, people, reboots and a bridge that may crash between any two of its writes, in any order.

Every write lands alone, on a node that may have changed since it was decided; what must never be
is checked after each, and what must come in the end once nothing disturbs it any more.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from catalog.verdicts import Verdict
from health_bridge.decision.alerts import Finding
from health_bridge.decision.budget import is_taken_by_us
from health_bridge.decision.decide import decide
from health_bridge.decision.nodes import Node, Taint
from health_bridge.decision.outcome import Memory
from health_bridge.decision.policy import Policy
from health_bridge.decision.record import format_time, read_record
from health_bridge.decision.sight import Sight, Witness
from health_bridge.decision.steps import NodeSteps
from tests.budget import examples
from tests.health_bridge.worlds import (
    ALL,
    FOREIGN,
    KEYS,
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
)

NAMES = "abcdef"
LEAVES = {**dict.fromkeys("abc", "leaf-1"), **dict.fromkeys("def", "leaf-2")}
BUDGET = 2
SOAK = 60
names = st.sampled_from(NAMES)
mostly = st.sampled_from((True, True, True, False))
makers = st.sampled_from((lost_gpu, link_down))


class Bridge(RuleBasedStateMachine):
    """Six nodes on two leaves, what is wrong with them, and one bridge at a time."""

    @initialize(placed=st.booleans(), verifies=st.booleans())
    def begin(self, placed: bool, verifies: bool) -> None:  # noqa: FBT001 - hypothesis gives them
        self.now = NOW
        self.policy: Policy = policy(
            proofs=replace(WIDE, faults={**WIDE.faults, **(VERIFYING.faults if verifies else {})}),
            budget=str(BUDGET),
            tiers=(("0", "1"),),
            verify_nodes=verifies,
            started=float(NOW),
        )
        self.placed = placed
        self.nodes = {name: self._made(name) for name in NAMES}
        self.alerts: dict[tuple[str, str], Finding] = {}
        self.healthy: set[tuple[str, str, str]] = set()
        self.boots = dict.fromkeys(NAMES, float(NOW - 3600))
        self.named: set[str] = set()
        self.blind = False
        self.memory: Memory = {}
        self.pending: list[tuple[NodeSteps, int]] = []

    def _made(self, name: str, generation: int = 0) -> Node:
        return node(
            name,
            uid=f"{name}-{generation}",
            created=self.now,
            boot=f"boot-{self.now}",
            tiers={0: LEAVES[name]} if self.placed else {},
            taints=(FOREIGN,),
        )

    def _sight(self) -> Sight:
        findings = tuple(self.alerts.values())
        if self.blind:
            return Sight(now=self.now, findings=findings, down=frozenset({SOURCE}))
        proven = {(*each, soaks) for each in self.healthy for soaks in (1, 2, 4, 8, 16)}
        proven |= {
            ("AcceleratorsUnverified", name, "node", 1)
            for name in NAMES
            if not any(finding.node == name for finding in findings)
        }
        fabric = {"switchboard": frozenset({"fabric/links", "uplink/probe"})}
        witness = Witness(
            observed={**dict.fromkeys(NAMES, ALL), **fabric},
            proven=frozenset(proven),
            boot_times=self.boots,
        )
        return Sight(now=self.now, findings=findings, witnesses={SOURCE: witness})

    @rule(
        make=makers,
        on=st.sets(names, min_size=1),
        verdict=st.sampled_from((Verdict.DRAIN, Verdict.DRAIN, *Verdict)),
        firing=mostly,
        confirmed=mostly,
    )
    def alerts_begin(
        self,
        make: Callable[..., Finding],
        on: set[str],
        verdict: Verdict,
        firing: bool,  # noqa: FBT001 - hypothesis gives them
        confirmed: bool,  # noqa: FBT001
    ) -> None:
        for name in sorted(on):
            found = make(name, verdict=verdict, firing=firing, confirmed=confirmed, since=self.now)
            self.alerts[name, found.fault] = found
            self.healthy.discard((found.fault, name, found.device))
        if firing:
            self.named |= on

    @rule(leaf=st.sampled_from(("leaf-1", "leaf-2")))
    def a_leaf_fails(self, leaf: str) -> None:
        self.alerts["", leaf] = leaf_down(leaf, since=self.now)
        self.healthy.discard(("LeafDown", "", f"domain:{leaf}"))
        if self.placed:
            self.named |= {name for name in NAMES if LEAVES[name] == leaf}

    @rule(at=st.integers(0, 11))
    def an_alert_ends(self, at: int) -> None:
        if self.alerts:
            self.alerts.pop(sorted(self.alerts)[at % len(self.alerts)])

    @rule(make=makers, name=names)
    def a_device_heals(self, make: Callable[..., Finding], name: str) -> None:
        found = make(name)
        self.alerts.pop((name, found.fault), None)
        self.healthy.add((found.fault, name, found.device))

    @rule(leaf=st.sampled_from(("leaf-1", "leaf-2")))
    def a_leaf_heals(self, leaf: str) -> None:
        self.alerts.pop(("", leaf), None)
        self.healthy.add(("LeafDown", "", f"domain:{leaf}"))

    @rule(name=names)
    def a_node_reboots(self, name: str) -> None:
        self.now += 1
        self.boots[name] = float(self.now)
        self.nodes[name] = replace(self.nodes[name], boot=f"boot-{self.now}")

    @rule(name=names)
    def a_node_is_made_anew(self, name: str) -> None:
        self.now += 1
        self.nodes[name] = self._made(name, self.now)
        self.boots[name] = float(self.now)

    @rule(name=names)
    def a_person_vouches(self, name: str) -> None:
        self.nodes[name] = replace(self.nodes[name], verified=format_time(self.now))

    @rule(name=names)
    def a_person_removes_our_taints(self, name: str) -> None:
        at = self.nodes[name]
        kept = tuple(taint for taint in at.taints if taint.key not in KEYS.taints)
        self.nodes[name] = replace(at, taints=kept)

    @rule(name=names, key=st.sampled_from(("their/x", "their/y")))
    def somebody_taints(self, name: str, key: str) -> None:
        at = self.nodes[name]
        added = Taint(key=key, value="", effect="NoExecute")
        if added not in at.taints:
            self.nodes[name] = replace(at, taints=(*at.taints, added))

    @rule(seconds=st.sampled_from((1, SOAK, 400, 90_000)))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds

    @rule(blind=mostly.map(lambda most: not most))
    def prometheus_goes_or_comes(self, blind: bool) -> None:  # noqa: FBT001 - hypothesis gives it
        self.blind = blind

    @rule(paused=mostly.map(lambda most: not most))
    def the_owner_pauses(self, paused: bool) -> None:  # noqa: FBT001 - hypothesis gives it
        self.policy = replace(self.policy, paused=paused)

    @rule(forgets=st.booleans(), landing=st.lists(st.integers(0, 11), max_size=12))
    def a_cycle_decides(
        self,
        forgets: bool,  # noqa: FBT001 - hypothesis gives it
        landing: list[int],
    ) -> None:
        """Whatever of the last cycle is not written is lost, as after a crash."""
        memory: Memory = {} if forgets else self.memory
        decision = decide(list(self.nodes.values()), self._sight(), self.policy, memory)
        self.memory = decision.memory
        self.pending = [(plan, write) for plan in decision.plans for write in (0, 1)]
        for at in landing:
            self.a_write_lands(at)

    @rule(at=st.integers(0, 11))
    def a_write_lands(self, at: int) -> None:
        """Writes of different nodes in any order, of one node in theirs, and only while ours."""
        if not self.pending:
            return
        plan, write = self.pending[at % len(self.pending)]
        if write and (plan, 0) in self.pending:
            return
        self.pending.remove((plan, write))
        self._write(plan, write)
        self.no_budget_is_overspent()

    def _write(self, plan: NodeSteps, write: int) -> None:
        now = self.nodes[plan.node.name]
        wanted = plan.node if not write else write_main(plan.node, plan)
        if now.has_our_state_of(wanted):
            made = (write_main, write_conditions)[write](now, plan)
            self.nodes[now.name] = replace(made, boot=now.boot)

    @invariant()
    def foreign_taints_are_as_they_were(self) -> None:
        for at in getattr(self, "nodes", {}).values():
            foreign = [taint for taint in at.taints if taint.key not in KEYS.taints]
            assert foreign[0] == FOREIGN
            assert {taint.key for taint in foreign[1:]} <= {"their/x", "their/y"}

    @invariant()
    def no_budget_is_overspent(self) -> None:
        taken = [at for at in getattr(self, "nodes", {}).values() if is_taken_by_us(at, KEYS)]
        assert len(taken) <= BUDGET

    @invariant()
    def nobody_is_tainted_whom_no_alert_named(self) -> None:
        for at in getattr(self, "nodes", {}).values():
            ours = {taint.key for taint in at.taints} & KEYS.taints
            if ours - {KEYS.taint("AcceleratorsUnverified")}:
                assert at.name in self.named

    def teardown(self) -> None:
        """Undisturbed, a few cycles settle everything, and then nothing changes any more."""
        if not hasattr(self, "nodes"):
            return
        for plan, write in self._cycles(4):
            self._write(plan, write)
        assert not list(self._cycles(1))
        for at in self.nodes.values():
            told = read_record(at.devices, at.owned).faults
            bad = [kind for kind, state in at.conditions.items() if state.status == "True"]
            assert sorted(bad) == sorted({fault.condition for fault in told})
            assert not is_taken_by_us(at, KEYS) or told

    def _cycles(self, count: int) -> Iterator[tuple[NodeSteps, int]]:
        for _ in range(count):
            decision = decide(list(self.nodes.values()), self._sight(), self.policy, self.memory)
            self.memory = decision.memory
            for plan in decision.plans:
                yield plan, 0
                yield plan, 1


TestBridge = Bridge.TestCase
TestBridge.settings = settings(max_examples=examples(100), stateful_step_count=40, deadline=None)
