"""Lets gangs give back what their queue had borrowed: whole, and as gently as the drainer.

Before anybody leaves everything is read afresh: that each gang's owner makes its pods anew, and
that every PodDisruptionBudget allows all of it. Pods that say how long they want to be given are
asked to save their state, and nobody leaves before all have or that time is over. A gang's Job is
suspended rather than evicted, and resumed as soon as its pods have stopped: the new ones wait at
the gate for their queue's turn, as any others do. What cannot leave is not asked again for a while,
and the next pass chooses others.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from catalog.scheduler import DRAIN_POD_STATES
from catalog.wire import PREFIX, SUSPENDED_FOR_QUEUE
from program.announce import About, Announcer
from scheduler_feedback import carry, resume, survey
from scheduler_feedback.backoff import Backoff
from scheduler_feedback.drain import Eviction, Plan, Rules, Situation, decide
from scheduler_feedback.errors import Conflict, KubeError, NotFound
from scheduler_feedback.gang.model import Gang
from scheduler_feedback.gang.pods import Member
from scheduler_feedback.gang.rollback import SURVIVORS
from scheduler_feedback.jobs import Suspension
from scheduler_feedback.pods import Pod, read_budget, read_pod
from scheduler_feedback.queue.reclaim import Reclaim
from scheduler_feedback.units import Unit

_TERMINATING, _CHECKPOINT = DRAIN_POD_STATES[1], DRAIN_POD_STATES[7]
_LATER = 60.0
"""Seconds before a gang that cannot leave is asked again."""
_KEPT_ASKED = 30.0
"""Seconds for which a gang stays asked though no pass wants it any more: one may see less."""


class Cluster(survey.Cluster, resume.Cluster, carry.Cluster, Protocol):
    """The kube-apiserver as far as giving back goes."""

    def withdraw(self, namespace: str, name: str, uid: str) -> None:
        """Take back that a pod was asked to leave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Who counts how evictions, and suspensions and resumptions of Jobs, ended."""

    evictions: Callable[[str], None]
    jobs: Callable[[str], None]


class GiveBack:
    """Carries reclaims out."""

    def __init__(  # noqa: PLR0913 - what it needs, most by keyword
        self,
        cluster: Cluster,
        announcer: Announcer,
        *,
        leading: Callable[[], bool],
        counted: Counted,
        longest: float = 1800.0,
        prefix: str = PREFIX,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Prepare; `leading` is asked before each change.

        `longest` are the seconds that a pod is given to save its state, if it wants more.
        """
        self._cluster = cluster
        self._announcer = announcer
        self._survey = survey.Survey(cluster, prefix)
        self._resumer = resume.Resumer(
            cluster, announcer=announcer, counted=counted.jobs, prefix=prefix
        )
        self._leading = leading
        self.counted = counted
        self._longest = longest
        self._prefix = prefix
        self._clock = clock
        self._now = now
        self._backoff = Backoff(clock)
        self._wanted: dict[str, float] = {}
        """When a pass last wanted a gang that was asked to leave."""

    def kept(self, running: Collection[str]) -> frozenset[str]:
        """Return which of these gangs could not leave a while ago."""
        return self._backoff.waiting(running)

    def act(self, reclaim: Reclaim) -> None:
        """Let every gang of it leave, or none where one cannot; KubeError where it cannot ask."""
        if not reclaim.leaving:
            return
        pods = self._pods({gang.namespace for gang in reclaim.leaving})
        own = {gang.key: _ranks(gang, pods) for gang in reclaim.leaving}
        for gang in reclaim.leaving:
            if objection := _objection(own[gang.key]):
                self.keep(gang, reclaim, objection)
                return
        made = self._decide(reclaim, own)
        held = [each for each in made.held if each.state != _TERMINATING]
        stays = next((each for each in held if each.state != _CHECKPOINT), None)
        if stays is not None:
            keeper = next(g for g in reclaim.leaving if stays.pod in own[g.key])
            self.keep(keeper, reclaim, stays.why)
        elif held:
            waiting = {each.pod.uid for each in held}
            self._ask([pod for pod in made.ask if pod.uid in waiting], reclaim)
        else:
            self._leave(made, reclaim, own)

    def _pods(self, namespaces: Collection[str]) -> dict[str, Pod]:
        """Return the living pods of these namespaces by uid."""
        found = [pod for name in sorted(namespaces) for pod in self._cluster.pods_in(name)]
        read = [read_pod(pod, self._prefix) for pod in found]
        return {pod.uid: pod for pod in read if not pod.finished}

    def _decide(self, reclaim: Reclaim, own: Mapping[str, Sequence[Pod]]) -> Plan:
        every = [pod for pods in own.values() for pod in pods]
        jobs = self._survey.jobs(every)
        off = {name for name, job in jobs.items() if job.suspended}  # its pods go already
        units = [
            _unit(reclaim, gang, [p for p in own[gang.key] if _job_of(p) not in off])
            for gang in reclaim.leaving
        ]
        situation = Situation(
            draining=(),
            budgets=[read_budget(budget) for budget in self._cluster.budgets()],
            jobs=jobs,
            now=self._now(),
        )
        rules = Rules(room=len(every) + 1, longest=self._longest)
        return decide([unit for unit in units if unit.pods], situation, rules)

    def _ask(self, pods: Sequence[Pod], reclaim: Reclaim) -> None:
        for gang in reclaim.leaving:
            self._wanted[gang.key] = self._clock()
        moment = datetime.fromtimestamp(self._now(), UTC).isoformat(timespec="seconds")
        to = reclaim.gang.key
        carry.ask(pods, self._cluster, may=self._leading, moment=moment, gives_way_to=to)
        named = ", ".join(sorted({pod.gang or pod.name for pod in pods})[:3])
        if pods:
            message = f"{named} save their state before they give back what was borrowed"
            self.say(reclaim.gang, "Reclaiming", message)

    def _leave(self, made: Plan, reclaim: Reclaim, own: Mapping[str, Sequence[Pod]]) -> None:
        named = ", ".join(gang.key for gang in reclaim.leaving[:3])
        more = f" and {len(reclaim.leaving) - 3} more" if reclaim.leaving[3:] else ""
        self.say(reclaim.gang, "Reclaiming", f"{named}{more} give back what was borrowed")
        told = _Outcomes(self, reclaim, own)
        carry.carry(made, self._cluster, told, may=self._leading, mark=SUSPENDED_FOR_QUEUE)

    def withdraw(self, members: Iterable[Member]) -> None:
        """Take back what was asked of gangs that no pass has wanted for a while."""
        asked = [member for member in members if member.gives_way and not member.terminating]
        now, keys = self._clock(), {member.key for member in asked}
        self._wanted = {key: self._wanted.get(key, now) for key in keys}
        for member in asked:
            if now - self._wanted[member.key] > _KEPT_ASKED and self._leading():
                with suppress(NotFound, Conflict):
                    self._cluster.withdraw(member.namespace, member.name, member.uid)

    def resume(self) -> None:
        """Resume the Jobs that gave back and whose pods have stopped."""
        for job in self._resumer.jobs():
            if job.mark == SUSPENDED_FOR_QUEUE and job.stopped and self._leading():
                self._resumer.let_go(job, "its pods have stopped: new ones wait for their turn")

    def keep(self, gang: Gang, reclaim: Reclaim, objection: str) -> None:
        """Let a gang be for a while, and say why."""
        self._backoff.refused(gang.key, _LATER)
        message = f"keeps what its queue borrowed from {reclaim.gang.key}: {objection}"
        self.say(gang, "ReclaimBlocked", message, warning=True)

    def say(self, gang: Gang, reason: str, message: str, *, warning: bool = False) -> None:
        """Put up an Event about a gang, on its first pod."""
        first = gang.ranks[0]
        about = About(kind="Pod", namespace=gang.namespace, name=first.name, uid=first.uid)
        self._announcer.say(about, reason, message, warning=warning)


class _Outcomes:
    """Counts and tells what becomes of one reclaim."""

    def __init__(
        self, giving: GiveBack, reclaim: Reclaim, own: Mapping[str, Sequence[Pod]]
    ) -> None:
        self._giving = giving
        self._reclaim = reclaim
        self._gangs = {pod.uid: g for g in reclaim.leaving for pod in own[g.key]}
        self._told: set[str] = set()

    def suspended(self, suspension: Suspension) -> None:
        self._giving.counted.jobs(resume.SUSPENDED)
        self._tell(suspension.pods[0], f"Job {suspension.job.name} suspended")

    def not_suspended(self, suspension: Suspension, error: KubeError) -> None:
        self._giving.counted.jobs(resume.FAILED)
        self._keep(suspension.pods[0], f"Job {suspension.job.name} is not suspended: {error}")

    def evicted(self, eviction: Eviction) -> None:
        self._giving.counted.evictions(carry.EVICTED)
        self._tell(eviction.pod, "evicted")

    def not_evicted(self, eviction: Eviction, result: str, error: KubeError) -> None:
        self._giving.counted.evictions(result)
        if result != carry.GONE:
            self._keep(eviction.pod, f"{eviction.pod.name} is not evicted: {error}")

    def _tell(self, pod: Pod, what: str) -> None:
        """Say it once a gang."""
        gang = self._gangs[pod.uid]
        if gang.key not in self._told:
            self._told.add(gang.key)
            back, to = ", ".join(self._reclaim.resources), self._reclaim.gang.key
            message = f"{what}: {back} that its queue borrowed go back to {to}"
            self._giving.say(gang, "Reclaimed", message, warning=True)

    def _keep(self, pod: Pod, objection: str) -> None:
        self._giving.keep(self._gangs[pod.uid], self._reclaim, objection)


def _ranks(gang: Gang, pods: Mapping[str, Pod]) -> list[Pod]:
    return [pods[rank.uid] for rank in gang.placed if rank.uid in pods]


def _unit(reclaim: Reclaim, gang: Gang, pods: Sequence[Pod]) -> Unit:
    """Return a gang as one that leaves together, whether or not there is room elsewhere.

    A request to save its state counts if it is no older than the gang that gets the room.
    """
    return Unit(
        name=gang.key,
        pods=tuple(pods),
        cause=f"queue of {reclaim.gang.key}",
        gang=len(gang.ranks) > 1,
        needs_room=False,
        since=reclaim.gang.since,
        begun=any(pod.terminating for pod in pods),
    )


def _job_of(pod: Pod) -> tuple[str, str] | None:
    return (pod.namespace, pod.owner_name) if pod.owner == "Job" else None


def _objection(pods: Sequence[Pod]) -> str:
    """Return why these would not come back; empty where they may go, as far as kinds tell."""
    for pod in pods:
        if not pod.owner:
            return f"nothing would create {pod.name} again"
        if pod.owner not in (*SURVIVORS, "Job"):
            return f"what a {pod.owner} does then is not known"
    return ""
