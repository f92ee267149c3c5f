"""Whom to evict from the nodes being drained, whom to hold, and why. Pure.

Left alone are pods that draining cannot move or need not: those of a DaemonSet, mirrors of static
pods, finished ones, those that tolerate the node's drain taints by name, and those that tolerate
every taint and came after the fault, which would only come back. Every budget is counted before
the first eviction, so that a plan never asks for what a budget must refuse.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from catalog.scheduler import DRAIN_POD_STATES
from scheduler_feedback.health import NodeHealth
from scheduler_feedback.pods import Budget, Pod
from scheduler_feedback.tolerations import tolerated, tolerated_by_name

PENDING, TERMINATING, BUDGET, BUDGET_STALE, SEVERAL_BUDGETS, BACKOFF, BARE = DRAIN_POD_STATES

_WHY = {
    BUDGET: "{budgets} allows no eviction now",
    BUDGET_STALE: "the status of {budgets} is not up to date",
    SEVERAL_BUDGETS: "more than one PodDisruptionBudget selects the pod: {budgets}",
    BARE: "no controller would create the pod again (--drain.bare-pods evicts it too)",
}
"""What is said of a held pod; the other states pass by themselves, or were said when they began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draining:
    """A node to be emptied, and every pod on it."""

    node: NodeHealth
    pods: tuple[Pod, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Eviction:
    """A pod to be evicted now."""

    node: NodeHealth
    pod: Pod


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A pod that is to leave and does not now; `state` is one of the catalogue's."""

    node: NodeHealth
    pod: Pod
    state: str
    budgets: tuple[Budget, ...] = ()
    """The budgets that hold it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do now."""

    evict: tuple[Eviction, ...] = ()
    held: tuple[Held, ...] = ()
    drained: tuple[NodeHealth, ...] = ()
    """Nodes on which nothing is left that is to leave."""


def plan(
    draining: Sequence[Draining],
    budgets: Sequence[Budget],
    *,
    room: int,
    waiting: Iterable[str] = (),
    bare_pods: bool = False,
) -> Plan:
    """Return who is to be evicted now: at most `room`, higher priority first.

    `waiting` are the uids of pods whose last eviction was refused a moment ago; `bare_pods` says
    whether pods that nothing would create again go too.
    """
    rest = Ledger(budgets)
    waits = frozenset(waiting)
    evict: list[Eviction] = []
    held: list[Held] = []
    for node, pod in _leaving(draining):
        state, blocking = _state(pod, rest, waits, bare_pods=bare_pods)
        if not state and len(evict) >= room:
            state = PENDING
        if state:
            held.append(Held(node=node, pod=pod, state=state, budgets=blocking))
        else:
            rest.spend(pod)
            evict.append(Eviction(node=node, pod=pod))
    busy = {e.node.name for e in evict} | {h.node.name for h in held}
    drained = tuple(d.node for d in draining if d.node.name not in busy)
    return Plan(evict=tuple(evict), held=tuple(held), drained=drained)


class Ledger:
    """What each budget still allows while a plan is made."""

    def __init__(self, budgets: Iterable[Budget]) -> None:
        self._by_namespace: dict[str, list[Budget]] = {}
        self._left: dict[tuple[str, str], int] = {}
        for budget in budgets:
            self._by_namespace.setdefault(budget.namespace, []).append(budget)
            self._left[budget.namespace, budget.name] = budget.allowed

    def over(self, pod: Pod) -> tuple[Budget, ...]:
        """Return the budgets that protect a pod; none protects one that is not running yet."""
        if pod.phase == "Pending":
            return ()
        return tuple(b for b in self._by_namespace.get(pod.namespace, ()) if b.selects(pod))

    def left(self, budget: Budget) -> int:
        """Return how many evictions a budget still allows."""
        return self._left[budget.namespace, budget.name]

    def spend(self, pod: Pod) -> None:
        """Take the pod's eviction off its budgets."""
        for budget in self.over(pod):
            if budget.spends(pod):
                self._left[budget.namespace, budget.name] -= 1


def _leaving(draining: Iterable[Draining]) -> list[tuple[NodeHealth, Pod]]:
    found = [(d.node, pod) for d in draining for pod in d.pods if leaves(pod, d.node)]
    return sorted(found, key=lambda f: (-f[1].priority, f[0].name, f[1].namespace, f[1].name))


def leaves(pod: Pod, node: NodeHealth) -> bool:
    """Whether draining the node means that this pod goes."""
    return not stays(pod, node)


def stays(pod: Pod, node: NodeHealth) -> str:
    """Return why draining the node leaves this pod alone; empty where the pod goes."""
    if pod.owner == "DaemonSet":
        return "of a DaemonSet"
    if pod.mirror:
        return "static"
    if pod.finished:
        return "finished"
    came_after = pod.created > node.drain_since
    covers = tolerated if came_after else tolerated_by_name
    all_covered = all(covers(drain.taint, pod.tolerations) for drain in node.drains)
    return "tolerating the drain" if all_covered else ""


def _state(
    pod: Pod, rest: Ledger, waiting: frozenset[str], *, bare_pods: bool
) -> tuple[str, tuple[Budget, ...]]:
    """Return what the pod waits for and the budgets that hold it; "" for nothing."""
    if pod.terminating:
        return TERMINATING, ()
    if not pod.owner and not bare_pods:
        return BARE, ()
    blocking = _blocking(pod, rest)
    if blocking[0]:
        return blocking
    return (BACKOFF, ()) if pod.uid in waiting else ("", ())


def _blocking(pod: Pod, rest: Ledger) -> tuple[str, tuple[Budget, ...]]:
    over = rest.over(pod)
    if len(over) > 1:
        return SEVERAL_BUDGETS, over
    for budget in over:
        if not budget.spends(pod):
            continue
        if budget.stale:
            return BUDGET_STALE, over
        if rest.left(budget) < 1:
            return BUDGET, over
    return "", ()


def why(held: Held) -> str:
    """Return what is to be said of a held pod; empty where its state passes by itself."""
    budgets = ", ".join(f"PodDisruptionBudget {b.namespace}/{b.name}" for b in held.budgets)
    return _WHY.get(held.state, "").format(budgets=budgets)


def count_states(held: Iterable[Held]) -> Mapping[str, int]:
    """Return how many pods wait for what."""
    counts: dict[str, int] = {}
    for pod in held:
        counts[pod.state] = counts.get(pod.state, 0) + 1
    return counts
