"""What draining a node would do, were it to begin now. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from catalog import wire
from catalog.conditions import BY_TYPE
from catalog.verdicts import Verdict
from scheduler_feedback import drain
from scheduler_feedback.drain import Draining, Held
from scheduler_feedback.health import NodeHealth, Refusal
from scheduler_feedback.pods import Budget, Pod
from scheduler_feedback.tolerations import NO_SCHEDULE, Taint


@dataclass(frozen=True, slots=True, kw_only=True)
class Preflight:
    """Who would go, who would be held, and who would not be touched."""

    node: NodeHealth
    draining: bool
    """It is being drained, or would be with --drain; else the answer supposes that it were."""
    evict: tuple[Pod, ...]
    """In the order in which they would be evicted."""
    held: tuple[Held, ...]
    stay: Mapping[str, int]
    """Why pods are left alone → how many."""


def preflight(  # noqa: PLR0913 - what a plan is made of, all but the first three by keyword
    node: NodeHealth,
    pods: Sequence[Pod],
    budgets: Sequence[Budget],
    *,
    condition: str,
    now: float,
    bare_pods: bool = False,
    prefix: str = wire.PREFIX,
) -> Preflight:
    """Return what a drain does with the node's pods: for its own faults, else for `condition`."""
    supposed = node if node.drains else _suppose(node, condition, now, prefix)
    made = drain.plan(
        [Draining(node=supposed, pods=tuple(pods))],
        budgets,
        room=len(pods),
        bare_pods=bare_pods,
    )
    return Preflight(
        node=supposed,
        draining=bool(node.drains) and node.managed,
        evict=tuple(eviction.pod for eviction in made.evict),
        held=made.held,
        stay=Counter(why for why in (drain.stays(pod, supposed) for pod in pods) if why),
    )


def _suppose(node: NodeHealth, condition: str, now: float, prefix: str) -> NodeHealth:
    verdict = Verdict.DRAIN
    key = wire.key(BY_TYPE[condition].taint, prefix)
    taint = Taint(key=key, value=verdict.label, effect=NO_SCHEDULE)
    refusal = Refusal(condition=condition, verdict=verdict, taint=taint)
    return replace(node, drains=(refusal,), drain_since=now)


def as_json(told: Preflight) -> dict[str, Any]:
    """Return a preflight for `--json`."""
    return {
        "node": told.node.name,
        "draining": told.draining,
        "managed": told.node.managed,
        "conditions": _conditions(told),
        "evict": [_name(pod) for pod in told.evict],
        "held": [
            {
                "pod": _name(held.pod),
                "state": held.state,
                "why": drain.why(held),
                "budgets": [f"{b.namespace}/{b.name}" for b in held.budgets],
            }
            for held in told.held
        ],
        "stay": dict(told.stay),
    }


def as_text(told: Preflight) -> str:
    """Return a preflight for a reader."""
    reason = ", ".join(_conditions(told))
    if told.draining:
        lines = [f"{told.node.name} is to be drained: {reason}"]
    else:
        lines = [f"{told.node.name} is not to be drained; were it, for {reason}:"]
    if not told.node.managed:
        lines.append("its label says managed=false: the drainer leaves it alone")
    lines.append(f"evicted at once: {len(told.evict)}")
    lines += [f"  {_name(pod)} ({pod.owner or 'bare'})" for pod in told.evict]
    lines.append(f"held: {len(told.held)}")
    lines += [f"  {_name(held.pod)}: {drain.why(held) or held.state}" for held in told.held]
    lines.append(f"left alone: {sum(told.stay.values())}")
    lines += [f"  {count} {why}" for why, count in sorted(told.stay.items())]
    return "\n".join(lines) + "\n"


def _conditions(told: Preflight) -> list[str]:
    return list(dict.fromkeys(refusal.condition for refusal in told.node.drains))


def _name(pod: Pod) -> str:
    return f"{pod.namespace}/{pod.name}"
