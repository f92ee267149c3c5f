"""Whom to evict, from nodes being drained above all, whom to hold, and why. Pure.

What leaves together is decided together: a gang, or one pod. Every budget is counted before the
first eviction, for all ranks of a gang at once, so that a plan never asks for what a budget must
refuse, and no gang is left half evicted. Where a unit waits for its checkpoint, its budgets and its
room elsewhere stay reserved for it.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from catalog.scheduler import DRAIN_POD_STATES
from program.durations import format_duration
from scheduler_feedback.elsewhere import Elsewhere, Move
from scheduler_feedback.health import NodeHealth
from scheduler_feedback.jobs import Job, Suspension
from scheduler_feedback.ledger import Ledger
from scheduler_feedback.pods import Budget, Pod
from scheduler_feedback.units import Draining, Unit, form, requested

(
    PENDING, TERMINATING, BUDGET, BUDGET_STALE, SEVERAL_BUDGETS, BACKOFF, BARE, CHECKPOINT, NO_ROOM,
    JOB,
) = DRAIN_POD_STATES  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What is known of the cluster."""

    draining: Sequence[Draining]
    budgets: Sequence[Budget] = ()
    gangs: Mapping[str, Sequence[Pod]] = field(default_factory=dict)
    """Name → all pods of each gang that has one on a drained node, or one asked to leave before."""
    jobs: Mapping[tuple[str, str], Job] = field(default_factory=dict)
    """Namespace and name → the Jobs of the pods that may leave; one that is gone is not there."""
    elsewhere: Elsewhere | None = None
    """None where the fleet is not known: then nothing leaves for a fault that is not fatal."""
    now: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How the owner wants it done."""

    room: int
    """How many evictions the rate permits now. A gang goes whole once there is room for one."""
    waiting: frozenset[str] = frozenset()
    """Uids of pods whose last eviction was refused a moment ago."""
    bare_pods: bool = False
    """Whether pods that nothing would create again go too."""
    longest: float = 1800.0
    """The longest that a checkpoint is waited for, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Eviction:
    """A pod to be evicted now."""

    pod: Pod
    cause: str
    unit: str
    """What leaves together: where one of it is refused, the next one is not tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A pod that is to leave and does not now; `state` is one of the catalogue's."""

    pod: Pod
    cause: str
    state: str
    why: str = ""
    """What is to be said of it; empty where the state passes by itself."""
    budgets: tuple[Budget, ...] = ()
    """The budgets that hold it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where a unit would run once it left."""

    unit: Unit
    where: Mapping[str, str]
    why_not: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do now."""

    ask: tuple[Pod, ...] = ()
    """Pods to be asked to save their state, before any eviction."""
    suspend: tuple[Suspension, ...] = ()
    evict: tuple[Eviction, ...] = ()
    held: tuple[Held, ...] = ()
    drained: tuple[NodeHealth, ...] = ()
    """Nodes on which nothing is left that is to leave."""
    destinations: tuple[Destination, ...] = ()


def plan(situation: Situation, rules: Rules) -> Plan:
    """Return who is to leave now and who is not: higher priority first."""
    return decide(form(situation.draining, situation.gangs), situation, rules)


def decide(units: Sequence[Unit], situation: Situation, rules: Rules) -> Plan:
    """Return who of these is to leave now, those first that stand first."""
    planner = _Planner(situation, rules)
    for unit in units:
        planner.take(unit)
    busy = {name for unit in units for name in unit.nodes}
    return Plan(
        ask=tuple(planner.ask),
        suspend=tuple(planner.suspend),
        evict=tuple(planner.evict),
        held=tuple(planner.held),
        drained=tuple(d.node for d in situation.draining if d.node.name not in busy),
        destinations=tuple(planner.destinations),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stop:
    """Why a unit does not leave now."""

    state: str
    why: str = ""
    budgets: tuple[Budget, ...] = ()


_Jobs = Mapping[tuple[str, str], Sequence[Pod]]
"""Namespace and name of a Job → pods of it."""


class _Planner:
    """What is decided so far."""

    def __init__(self, situation: Situation, rules: Rules) -> None:
        self._situation = situation
        self._rules = rules
        self._ledger = Ledger(situation.budgets)
        self.ask: list[Pod] = []
        self.suspend: list[Suspension] = []
        self.evict: list[Eviction] = []
        self.held: list[Held] = []
        self.destinations: list[Destination] = []

    def take(self, unit: Unit) -> None:
        """Decide about a unit."""
        rest = [pod for pod in unit.pods if not pod.terminating]
        self._hold(unit, (pod for pod in unit.pods if pod.terminating), _Stop(state=TERMINATING))
        if not rest:
            return
        if unit.begun:
            self._finish(unit, rest)
            return
        move = self._move(unit, rest)
        suspended, objection = self._jobs(unit, rest)
        blocked, after = self._ledger.all_at_once(rest, direct=_pods_of(suspended))
        stop = (
            self._bare(rest)
            or objection
            or (_Stop(state=blocked.state, why=blocked.why, budgets=blocked.budgets)
                if blocked else None)
            or self._no_room(unit, move)
        )  # fmt: skip
        if stop is None:
            self._ledger = after
            self._take_place(move)
            stop = self._not_yet(unit, rest)
        if stop is not None:
            self._hold(unit, rest, stop)
            return
        self._go(unit, rest, suspended)

    def _hold(self, unit: Unit, pods: Iterable[Pod], stop: _Stop) -> None:
        self.held += [
            Held(pod=p, cause=unit.cause, state=stop.state, why=stop.why, budgets=stop.budgets)
            for p in pods
        ]

    def _finish(self, unit: Unit, rest: Sequence[Pod]) -> None:
        """Go on with a gang of which some ranks have left: each other one as soon as it may."""
        for pod in rest:
            blocked, after = self._ledger.all_at_once([pod])
            if blocked:
                why = f"{blocked.why}; other ranks of its gang have left already"
                stop = _Stop(state=blocked.state, why=why, budgets=blocked.budgets)
                self._hold(unit, [pod], stop)
            elif pod.uid in self._rules.waiting:
                self._hold(unit, [pod], _Stop(state=BACKOFF))
            else:
                self._ledger = after
                self.evict.append(Eviction(pod=pod, cause=unit.cause, unit=unit.name))

    def _move(self, unit: Unit, rest: Sequence[Pod]) -> Move | None:
        elsewhere = self._situation.elsewhere
        members = [pod.placing for pod in rest if pod.placing is not None]
        if elsewhere is None or not members:
            return None
        move = elsewhere.ask(unit.name, members)
        self.destinations.append(Destination(unit=unit, where=move.where, why_not=move.why_not))
        return move

    def _take_place(self, move: Move | None) -> None:
        if move is not None and self._situation.elsewhere is not None:
            self._situation.elsewhere.take(move)

    def _bare(self, pods: Sequence[Pod]) -> _Stop | None:
        if self._rules.bare_pods or all(pod.owner for pod in pods):
            return None
        why = "no controller would create the pod again (--drain.bare-pods evicts it too)"
        return _Stop(state=BARE, why=why)

    def _jobs(self, unit: Unit, pods: Sequence[Pod]) -> tuple[_Jobs, _Stop | None]:
        """Return the pods of each Job to be suspended, and what forbids that where it must be."""
        jobs = self._situation.jobs
        of: dict[tuple[str, str], list[Pod]] = {}
        for pod in pods:
            if (pod.namespace, pod.owner_name) in jobs and pod.owner == "Job":
                of.setdefault((pod.namespace, pod.owner_name), []).append(pod)
        suspended: dict[tuple[str, str], list[Pod]] = {}
        for name, own in of.items():
            objection, dies = jobs[name].objection(own), not jobs[name].survives(own)
            if dies and objection:
                return {}, _Stop(state=JOB, why=f"{jobs[name].ends}, {objection}")
            if dies or (unit.gang and len(own) > 1 and not objection):
                suspended[name] = own
        return suspended, None

    def _no_room(self, unit: Unit, move: Move | None) -> _Stop | None:
        if not unit.needs_room or (move is not None and move.where):
            return None
        if move is None and self._situation.elsewhere is None:
            return _Stop(state=NO_ROOM, why="the fleet is not known yet")
        why_not = move.why_not if move is not None else "what it asks for is not known"
        return _Stop(state=NO_ROOM, why=f"there is no room for it elsewhere: {why_not}")

    def _not_yet(self, unit: Unit, pods: Sequence[Pod]) -> _Stop | None:
        """Return what a unit that may leave waits for; its budgets and its place are kept."""
        if any(pod.uid in self._rules.waiting for pod in pods):
            return _Stop(state=BACKOFF)
        patience = max(min(pod.patience, self._rules.longest) for pod in pods)
        asked = [pod for pod in pods if requested(pod, unit.since)]
        if unit.gang or patience:
            self.ask += [pod for pod in pods if pod not in asked]
        if patience and not self._ready(pods, asked, patience):
            return _Stop(state=CHECKPOINT, why=_waits(pods, patience))
        return _Stop(state=PENDING) if len(self.evict) >= self._rules.room else None

    def _ready(self, pods: Sequence[Pod], asked: Sequence[Pod], patience: float) -> bool:
        """Whether all pods have saved their state since they were asked, or had time enough."""
        if len(asked) < len(pods):
            return False
        first = min(pod.asked or 0.0 for pod in asked)
        if self._situation.now >= first + patience:
            return True
        return all(
            pod.saved is not None and pod.saved >= (pod.asked or 0.0)
            for pod in pods
            if pod.patience
        )

    def _go(self, unit: Unit, pods: Sequence[Pod], suspended: _Jobs) -> None:
        jobs = self._situation.jobs
        self.suspend += [
            Suspension(job=jobs[name], pods=tuple(own), cause=unit.cause, unit=unit.name)
            for name, own in suspended.items()
        ]
        direct = _pods_of(suspended)
        self.evict += [
            Eviction(pod=pod, cause=unit.cause, unit=unit.name)
            for pod in pods
            if pod.uid not in direct
        ]


def _pods_of(suspended: _Jobs) -> frozenset[str]:
    return frozenset(pod.uid for pods in suspended.values() for pod in pods)


def _waits(pods: Sequence[Pod], patience: float) -> str:
    senseless = next((pod for pod in pods if pod.patience == math.inf), None)
    wrong = f" (what {senseless.name} says is no duration)" if senseless is not None else ""
    return f"given {format_duration(patience)} to save its state{wrong}"


def count_states(held: Iterable[Held]) -> Mapping[str, int]:
    """Return how many pods wait for what."""
    counts: dict[str, int] = {}
    for pod in held:
        counts[pod.state] = counts.get(pod.state, 0) + 1
    return counts
