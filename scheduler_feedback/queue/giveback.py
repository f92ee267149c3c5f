"""Lets gangs give back what their queue had borrowed: whole, by the Eviction API, or not at all.

Before the first eviction everything is read afresh: that each gang's owner makes its pods anew and
survives their eviction, and that every PodDisruptionBudget allows all of it. What cannot leave is
not asked again for a while, and the next pass chooses others.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from catalog.scheduler import EVICTION_RESULTS
from catalog.wire import PREFIX
from scheduler_feedback.announce import About, Announcer
from scheduler_feedback.backoff import Backoff
from scheduler_feedback.errors import (
    Conflict,
    Forbidden,
    Invalid,
    KubeError,
    NotFound,
    TooManyRequests,
)
from scheduler_feedback.gang.model import Gang
from scheduler_feedback.gang.rollback import SURVIVORS
from scheduler_feedback.jobs import read_job
from scheduler_feedback.ledger import Ledger
from scheduler_feedback.pods import Pod, read_budget, read_pod
from scheduler_feedback.queue.reclaim import Reclaim
from scheduler_feedback.watch import Object

_EVICTED, _GONE, _BLOCKED, _REFUSED, _FAILED = EVICTION_RESULTS
_LATER = 60.0
"""Seconds before a gang that cannot leave is asked again."""


class Cluster(Protocol):
    """The kube-apiserver as far as giving back goes."""

    def pods_in(self, namespace: str) -> Sequence[Object]:
        """Return the Pod objects of a namespace."""

    def budgets(self) -> Sequence[Object]:
        """Return every PodDisruptionBudget object."""

    def job(self, namespace: str, name: str) -> Object:
        """Return a Job object; NotFound where there is none."""

    def evict(self, namespace: str, name: str, uid: str) -> None:
        """Evict a pod through the Eviction API."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leaving:
    """A gang that is to leave, as its pods are now."""

    gang: Gang
    pods: tuple[Pod, ...]
    objection: str


class GiveBack:
    """Carries a reclaim out."""

    def __init__(  # noqa: PLR0913 - what it needs, most by keyword
        self,
        cluster: Cluster,
        announcer: Announcer,
        *,
        leading: Callable[[], bool],
        counted: Callable[[str], None],
        prefix: str = PREFIX,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; `leading` is asked before each eviction, `counted` is told how each ended."""
        self._cluster = cluster
        self._announcer = announcer
        self._leading = leading
        self._counted = counted
        self._prefix = prefix
        self._backoff = Backoff(clock)

    def kept(self, running: Collection[str]) -> frozenset[str]:
        """Return which of these gangs could not leave a while ago."""
        return self._backoff.waiting(running)

    def act(self, reclaim: Reclaim) -> None:
        """Evict every gang of it, or none where one cannot leave; KubeError where it cannot ask."""
        if not reclaim.leaving:
            return
        ledger = Ledger(read_budget(budget) for budget in self._cluster.budgets())
        pods = self._pods({gang.namespace for gang in reclaim.leaving})
        found = [self._look(gang, pods) for gang in reclaim.leaving]
        for each in found:
            blocked, ledger = ledger.all_at_once(each.pods)
            objection = each.objection or (blocked.why if blocked else "")
            if objection:
                self._keep(each, reclaim, objection)
                return
        named = ", ".join(each.gang.key for each in found[:3])
        more = f" and {len(found) - 3} more" if found[3:] else ""
        self._say(reclaim.gang, "Reclaiming", f"{named}{more} give back what was borrowed")
        for each in found:
            self._leave(each, reclaim)

    def _pods(self, namespaces: Collection[str]) -> dict[str, Pod]:
        """Return the living pods of these namespaces by uid."""
        found = [pod for name in sorted(namespaces) for pod in self._cluster.pods_in(name)]
        read = [read_pod(pod, self._prefix) for pod in found]
        return {pod.uid: pod for pod in read if not (pod.terminating or pod.finished)}

    def _look(self, gang: Gang, pods: Mapping[str, Pod]) -> _Leaving:
        own = [pods[rank.uid] for rank in gang.placed if rank.uid in pods]
        return _Leaving(gang=gang, pods=tuple(own), objection=self._objection(own))

    def _objection(self, pods: Sequence[Pod]) -> str:
        """Return why these would not come back, or would end of it; empty where they may go."""
        by_owner: dict[tuple[str, str], list[Pod]] = {}
        for pod in pods:
            by_owner.setdefault((pod.owner, pod.owner_name), []).append(pod)
        for (kind, name), own in by_owner.items():
            if not kind:
                return f"nothing would create {own[0].name} again"
            if kind == "Job":
                job = read_job(self._cluster.job(own[0].namespace, name), self._prefix)
                if not job.survives(own):
                    return job.ends
            elif kind not in SURVIVORS:
                return f"what a {kind} does then is not known"
        return ""

    def _keep(self, each: _Leaving, reclaim: Reclaim, objection: str) -> None:
        self._backoff.refused(each.gang.key, _LATER)
        message = f"keeps what its queue borrowed from {reclaim.gang.key}: {objection}"
        self._say(each.gang, "ReclaimBlocked", message, warning=True)

    def _leave(self, each: _Leaving, reclaim: Reclaim) -> None:
        said = False
        for pod in each.pods:
            if not self._leading() or not self._evict(each.gang, pod, reclaim):
                return
            if not said:
                back = ", ".join(reclaim.resources)
                message = f"evicted: {back} that its queue borrowed go back to {reclaim.gang.key}"
                self._say(each.gang, "Reclaimed", message, warning=True)
            said = True

    def _evict(self, gang: Gang, pod: Pod, reclaim: Reclaim) -> bool:
        """Evict a pod; return whether the rest of its gang may follow."""
        try:
            self._cluster.evict(pod.namespace, pod.name, pod.uid)
        except KubeError as error:
            result = _result(error)
            self._counted(result)
            if result == _GONE:
                return True
            each = _Leaving(gang=gang, pods=(pod,), objection="")
            self._keep(each, reclaim, f"{pod.name} is not evicted: {error}")
            return False
        self._counted(_EVICTED)
        return True

    def _say(self, gang: Gang, reason: str, message: str, *, warning: bool = False) -> None:
        first = gang.ranks[0]
        about = About(kind="Pod", namespace=gang.namespace, name=first.name, uid=first.uid)
        self._announcer.say(about, reason, message, warning=warning)


def _result(error: KubeError) -> str:
    if isinstance(error, NotFound | Conflict):
        return _GONE
    if isinstance(error, TooManyRequests):
        return _BLOCKED
    return _REFUSED if isinstance(error, Forbidden | Invalid) else _FAILED
