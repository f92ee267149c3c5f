"""What draining nodes would do, were it to begin now, and where everybody would go. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from catalog import wire
from catalog.conditions import BY_TYPE
from catalog.verdicts import Verdict
from scheduler_feedback import drain
from scheduler_feedback.drain import Destination, Held, Plan, Rules, Situation
from scheduler_feedback.health import NodeHealth, Refusal
from scheduler_feedback.jobs import Suspension
from scheduler_feedback.pods import Pod
from scheduler_feedback.tolerations import NO_SCHEDULE, Taint
from scheduler_feedback.units import stays

_NO_RATE = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Preflight:
    """Who would go, who would be held, and who would not be touched."""

    nodes: tuple[NodeHealth, ...]
    draining: bool
    """They are being drained, or would be with --drain; else the answer supposes that they were."""
    plan: Plan
    stay: Mapping[str, int]
    """Why pods are left alone → how many."""

    @property
    def evict(self) -> tuple[Pod, ...]:
        """Who would be evicted at once, in that order."""
        return tuple(eviction.pod for eviction in self.plan.evict)

    @property
    def held(self) -> tuple[Held, ...]:
        """Who would wait."""
        return self.plan.held


def preflight(
    situation: Situation, *, bare_pods: bool = False, longest: float = 1800.0
) -> Preflight:
    """Return what a drain would do in a situation whose nodes are drained, or supposed to be."""
    rules = Rules(room=_NO_RATE, bare_pods=bare_pods, longest=longest)
    pods = [(pod, each.node) for each in situation.draining for pod in each.pods]
    nodes = tuple(each.node for each in situation.draining)
    return Preflight(
        nodes=nodes,
        draining=all(node.managed and not node.supposed for node in nodes),
        plan=drain.plan(situation, rules),
        stay=Counter(why for why in (stays(pod, node) for pod, node in pods) if why),
    )


def suppose(node: NodeHealth, condition: str, now: float, prefix: str = wire.PREFIX) -> NodeHealth:
    """Return a node as if it were drained for a condition, where nothing drains it yet."""
    if node.drains:
        return node
    key = wire.key(BY_TYPE[condition].taint, prefix)
    taint = Taint(key=key, value=Verdict.DRAIN.label, effect=NO_SCHEDULE)
    refusal = Refusal(condition=condition, verdict=Verdict.DRAIN, taint=taint)
    return replace(node, drains=(refusal,), drain_since=now, supposed=True)


def as_json(told: Preflight) -> dict[str, Any]:
    """Return a preflight for `--json`."""
    return {
        "nodes": [node.name for node in told.nodes],
        "draining": told.draining,
        "managed": all(node.managed for node in told.nodes),
        "conditions": _conditions(told),
        "evict": [_name(pod) for pod in told.evict],
        "suspend": [_job(each) for each in told.plan.suspend],
        "held": [
            {
                "pod": _name(held.pod),
                "state": held.state,
                "why": held.why,
                "budgets": [f"{b.namespace}/{b.name}" for b in held.budgets],
            }
            for held in told.held
        ],
        "moves": [_move_json(each) for each in told.plan.destinations],
        "stay": dict(told.stay),
    }


def _move_json(each: Destination) -> dict[str, Any]:
    names = {pod.uid: pod.name for pod in each.unit.pods}
    return {
        "name": each.unit.name,
        "gang": each.unit.gang,
        "pods": len(each.unit.pods),
        "where": {names[uid]: node for uid, node in each.where.items() if uid in names},
        "pending": each.why_not,
    }


def as_text(told: Preflight) -> str:
    """Return a preflight for a reader."""
    lines = _head(told)
    lines.append(f"evicted at once: {len(told.evict)}")
    lines += [f"  {_name(pod)} ({pod.owner or 'bare'})" for pod in told.evict]
    if told.plan.suspend:
        lines.append(f"suspended in place of it: {len(told.plan.suspend)}")
        lines += [f"  Job {_job(each)} ({len(each.pods)} pods)" for each in told.plan.suspend]
    lines.append(f"held: {len(told.held)}")
    lines += [f"  {_name(held.pod)}: {held.why or held.state}" for held in told.held]
    lines.append(f"left alone: {sum(told.stay.values())}")
    lines += [f"  {count} {why}" for why, count in sorted(told.stay.items())]
    return "\n".join([*lines, *_moves(told.plan.destinations)]) + "\n"


def as_moves(told: Preflight) -> str:
    """Return where everybody would go, for a reader of `what-if`."""
    held = {h.pod.uid: h.why or h.state for h in told.held}
    lines = _head(told)
    for each in told.plan.destinations:
        lines.append(_move(each))
        whys = dict.fromkeys(held[pod.uid] for pod in each.unit.pods if pod.uid in held)
        lines += [f"    would be held: {why}" for why in whys]
    if not told.plan.destinations:
        lines.append("nobody would have to leave")
    return "\n".join(lines) + "\n"


def _head(told: Preflight) -> list[str]:
    names, reason = ", ".join(n.name for n in told.nodes), ", ".join(_conditions(told))
    verb, were = ("are", "were they") if told.nodes[1:] else ("is", "were it")
    if told.draining:
        lines = [f"{names} {verb} to be drained: {reason}"]
    else:
        lines = [f"{names} {verb} not to be drained; {were}, for {reason}:"]
    lines += [
        f"{node.name}: its label says managed=false: the drainer leaves it alone"
        for node in told.nodes
        if not node.managed
    ]
    return lines


def _moves(destinations: Sequence[Destination]) -> list[str]:
    return ["where to:", *map(_move, destinations)] if destinations else []


def _move(each: Destination) -> str:
    kind = f" (gang of {len(each.unit.pods)})" if each.unit.gang else ""
    if not each.where:
        return f"  {each.unit.name}{kind} would stay pending: {each.why_not}"
    return f"  {each.unit.name}{kind} would run on {', '.join(each.where.values())}"


def _conditions(told: Preflight) -> list[str]:
    found = [refusal.condition for node in told.nodes for refusal in node.drains]
    found += [fenced.condition for node in told.nodes for fenced in node.fenced]
    return list(dict.fromkeys(found))


def _job(each: Suspension) -> str:
    return f"{each.job.namespace}/{each.job.name}"


def _name(pod: Pod) -> str:
    return f"{pod.namespace}/{pod.name}"
