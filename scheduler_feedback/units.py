"""Which pods leave a node that is drained, and which others leave with them. Pure.

Left alone are pods that draining cannot move or need not: those of a DaemonSet, mirrors of static
pods, finished ones, those that tolerate the node's drain taints by name, and those that tolerate
every taint and came after the fault, which would only come back. A gang leaves as a whole, wherever
its other ranks are: without one rank the others do nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from catalog.conditions import GPU_UNAVAILABLE
from scheduler_feedback.health import NodeHealth
from scheduler_feedback.pods import Pod
from scheduler_feedback.tolerations import tolerated, tolerated_by_name

FATAL = frozenset({GPU_UNAVAILABLE.type})
"""Conditions under which what used the hardware has stopped for good: it loses nothing by leaving,
even where nothing is free for it yet. With any other, a pod works on until there is room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draining:
    """A node to be emptied, or rid of the users of some devices, and every pod on it."""

    node: NodeHealth
    pods: tuple[Pod, ...]
    users: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    """Pod uid → condition of the fenced device that it uses, and when that fault began."""

    def leaves(self, pod: Pod) -> bool:
        """Whether a pod goes; one that came after a device's fault was given another, or again."""
        if self.node.drains and leaves(pod, self.node):
            return True
        used = self.users.get(pod.uid)
        return used is not None and not _fixed(pod) and pod.created <= used[1]

    def began(self, pod: Pod) -> float:
        """Return when the fault began that a pod leaves for."""
        if self.node.drains:
            return self.node.drain_since
        return self.users[pod.uid][1]

    def conditions(self, pod: Pod) -> tuple[str, ...]:
        """Return what a pod leaves for."""
        found = dict.fromkeys(refusal.condition for refusal in self.node.drains)
        if not found and pod.uid in self.users:
            return (self.users[pod.uid][0],)
        return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """Pods that leave together: a gang, or one pod."""

    name: str
    pods: tuple[Pod, ...]
    """Those to be evicted."""
    cause: str
    """Node and conditions, for people."""
    nodes: frozenset[str] = frozenset()
    """The drained nodes among those it is on."""
    gang: bool = False
    needs_room: bool = True
    """Whether it stays where there is no room for it elsewhere."""
    since: float = 0.0
    """When the oldest fault that it leaves for began."""
    begun: bool = False
    """Some of its ranks have been evicted already: the rest follows, whatever came between."""

    @property
    def priority(self) -> int:
        """The highest of its pods'."""
        return max(pod.priority for pod in self.pods)


def leaves(pod: Pod, node: NodeHealth) -> bool:
    """Whether draining the node means that this pod goes."""
    return not stays(pod, node)


def stays(pod: Pod, node: NodeHealth) -> str:
    """Return why draining the node leaves this pod alone; empty where the pod goes."""
    fixed = _fixed(pod)
    if fixed:
        return fixed
    came_after = pod.created > node.drain_since
    covers = tolerated if came_after else tolerated_by_name
    all_covered = all(covers(drain.taint, pod.tolerations) for drain in node.drains)
    return "tolerating the drain" if all_covered else ""


def _fixed(pod: Pod) -> str:
    if pod.owner == "DaemonSet":
        return "of a DaemonSet"
    if pod.mirror:
        return "static"
    return "finished" if pod.finished else ""


def form(draining: Sequence[Draining], gangs: Mapping[str, Sequence[Pod]]) -> list[Unit]:
    """Return who leaves together, in the order in which they go: higher priority first.

    `gangs` holds all pods of each gang that has one on a drained node, or one that was asked to
    leave before.
    """
    by_name: dict[str, list[tuple[Draining, Pod]]] = {name: [] for name in gangs}
    for each in draining:
        for pod in filter(each.leaves, each.pods):
            by_name.setdefault(pod.gang or f"{pod.namespace}/{pod.name}", []).append((each, pod))
    made = [_unit(name, found, gangs.get(name, ())) for name, found in by_name.items()]
    return sorted(
        (unit for unit in made if unit is not None),
        key=lambda unit: (-unit.priority, min(unit.nodes, default=""), unit.name),
    )


def _unit(name: str, found: Sequence[tuple[Draining, Pod]], gang: Iterable[Pod]) -> Unit | None:
    here = {pod.uid: pod for _, pod in found}
    all_pods = {**{pod.uid: pod for pod in gang if not _fixed(pod)}, **here}
    since = min((each.began(pod) for each, pod in found), default=0.0)
    begun = _begun([*all_pods.values()], since)
    bound = [pod for pod in all_pods.values() if pod.node or pod.uid in here]
    pods = [pod for pod in bound if not begun or requested(pod, since)]
    if not pods or not (found or begun):
        return None
    conditions = dict.fromkeys(c for each, pod in found for c in each.conditions(pod))
    nodes = sorted({each.node.name for each, _ in found})
    return Unit(
        name=name,
        pods=tuple(sorted(pods, key=lambda pod: (pod.namespace, pod.name))),
        cause=_cause(nodes, tuple(conditions)),
        nodes=frozenset(nodes),
        gang=bool(pods[0].gang),
        needs_room=not FATAL & conditions.keys(),
        since=since,
        begun=begun,
    )


def _cause(nodes: Sequence[str], conditions: Sequence[str]) -> str:
    if not nodes:
        return "a gang of which other ranks have left already"
    named = ", ".join(nodes[:3]) + (f" and {len(nodes) - 3} more" if nodes[3:] else "")
    return f"node{'s' if nodes[1:] else ''} {named}: {', '.join(conditions)}"


def requested(pod: Pod, since: float) -> bool:
    """Whether a pod was asked to leave for this fault; an older request was for another."""
    return pod.asked is not None and pod.asked >= int(since)


def _begun(pods: Sequence[Pod], since: float) -> bool:
    """Whether some ranks of a gang that was asked to leave have left already."""
    asked = [pod for pod in pods if requested(pod, since)]
    if not asked or not asked[0].gang:
        return False
    first = min(pod.asked or 0.0 for pod in asked)
    return (
        len(pods) < asked[0].size
        or any(pod.terminating for pod in asked)
        or any(pod.created >= first for pod in pods if pod not in asked)
    )
