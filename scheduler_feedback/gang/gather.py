"""Makes gangs of their pods. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from scheduler_feedback.gang.model import Gang, Rank
from scheduler_feedback.gang.pods import Member, Terms

MALFORMED, FOREIGN_GATE, NOT_GATED = "malformed", "foreign_gate", "not_gated"
DRAINING = "draining"
"""malformed: its annotations make no sense, or differ from pod to pod; foreign_gate: another gate
than ours holds some of its pods (Kueue lets go those that it has pinned); not_gated: a pod waits
without our gate, so that it may be placed alone at any time; draining: ranks of it are still to be
moved, and a new one is not put near those."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A gang and the pods it was made of."""

    gang: Gang
    members: Mapping[str, Member]
    """By uid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfit:
    """Pods that say they are a gang, and cannot be planned as they are."""

    key: str
    members: tuple[Member, ...]
    reason: str
    detail: str


def gather(
    members: Iterable[Member], hostnames: Mapping[str, str], site_tier: int | None
) -> tuple[list[Group], list[Unfit]]:
    """Return the gangs, and what cannot be one; `hostnames` says each hostname's node.

    A pod that is being deleted is no rank any more, though it takes its node until it is gone.
    """
    by_gang: dict[str, list[Member]] = {}
    for member in members:
        if not member.terminating:
            by_gang.setdefault(member.key, []).append(member)
    groups: list[Group] = []
    unfit: list[Unfit] = []
    for key, pods in sorted(by_gang.items()):
        pods.sort(key=lambda pod: (pod.index, pod.name))
        made = _group(key, pods, hostnames, site_tier)
        (groups if isinstance(made, Group) else unfit).append(made)  # type: ignore[arg-type] # by kind
    return groups, unfit


def _group(
    key: str, pods: list[Member], hostnames: Mapping[str, str], site_tier: int | None
) -> Group | Unfit:
    speaker = _speaker(pods)
    terms = speaker.terms
    for pod in pods:
        if pod.terms is None:
            return _unfit(key, pods, MALFORMED, f"pod {pod.name}: {pod.problem}")
        if pod.terms != terms and not _outgrown(pod, speaker):
            detail = f"pods {speaker.name} and {pod.name} say different things of the gang"
            return _unfit(key, pods, MALFORMED, detail)
    foreign = sorted({gate for pod in pods if pod.gated for gate in pod.other_gates})
    if foreign:
        return _unfit(key, pods, FOREIGN_GATE, f"waits for {foreign[0]}")
    for pod in pods:
        if not (pod.gated or pod.node or pod.pin):
            return _unfit(key, pods, NOT_GATED, f"pod {pod.name} has no scheduling gate of ours")
    if any(pod.leaving for pod in pods) and any(pod.gated for pod in pods):
        return _unfit(key, pods, DRAINING, "its old ranks are still being moved")
    assert terms is not None
    return Group(
        gang=as_gang(terms, pods, hostnames, site_tier), members={pod.uid: pod for pod in pods}
    )


def _speaker(pods: Sequence[Member]) -> Member:
    """Return the pod whose word counts: of a gang that runs, one that waits, as it came later."""
    running = any(pod.node for pod in pods)
    return next((pod for pod in pods if running and pod.gated), pods[0])


def _outgrown(pod: Member, speaker: Member) -> bool:
    """Whether a pod on a node differs only in the size that its gang had when it was let go."""
    ours, now = pod.terms, speaker.terms
    if ours is None or now is None or not pod.node:
        return False
    return replace(ours, size=now.size, least=now.least) == now


def _unfit(key: str, pods: list[Member], reason: str, detail: str) -> Unfit:
    return Unfit(key=key, members=tuple(pods), reason=reason, detail=detail)


def as_gang(
    terms: Terms, pods: Sequence[Member], hostnames: Mapping[str, str], site_tier: int | None
) -> Gang:
    """Return the gang of these pods; `hostnames` says each hostname's node."""
    return Gang(
        namespace=pods[0].namespace,
        name=terms.gang,
        size=terms.size,
        least=terms.least,
        ranks=tuple(
            Rank(
                name=pod.name,
                uid=pod.uid,
                index=pod.index,
                request=pod.request,
                node=pod.node or hostnames.get(pod.pin, pod.pin),
            )
            for pod in pods
        ),
        required=terms.required,
        preferred=terms.preferred,
        slice_size=terms.slice_size,
        slice_tier=terms.slice_tier,
        site_tier=None if terms.across_sites else site_tier,
        priority=max(pod.priority for pod in pods),
        since=min(pod.created for pod in pods),
        engine=pods[0].engine,
    )
