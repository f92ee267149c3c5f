"""Carries drain plans out: reads afresh, plans, evicts, tells; again and again while it leads.

Nothing is remembered that matters: after a restart, or on another replica, the API objects say it
all. What is kept in memory only spares the kube-apiserver: when to try a refused pod again, and
what has been said already.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from catalog.scheduler import DRAIN_NODE_STATES
from catalog.wire import PREFIX, SUSPENDED_FOR_FAULT
from program.announce import Announcer
from program.rate import Bucket
from scheduler_feedback import carry, drain, resume, survey
from scheduler_feedback.backoff import Backoff
from scheduler_feedback.cache import NodeCache
from scheduler_feedback.carry import EVICTED, GONE
from scheduler_feedback.drain import Eviction, Plan, Rules, Situation
from scheduler_feedback.drain_events import Teller
from scheduler_feedback.elsewhere import Elsewhere, Snapshot
from scheduler_feedback.errors import Conflict, KubeError, NotFound, Unreachable
from scheduler_feedback.gang.pods import Member
from scheduler_feedback.health import NodeHealth, assess
from scheduler_feedback.jobs import Suspension
from scheduler_feedback.metrics import Census, Metrics
from scheduler_feedback.resting import Resting
from scheduler_feedback.share.names import OUR_NAMES, Names
from scheduler_feedback.units import form
from scheduler_feedback.watch import Object

log = logging.getLogger(__name__)

DRAINING, DRAINED, UNVOUCHED, UNMANAGED, USERS_UNKNOWN = DRAIN_NODE_STATES

_REFILL = 1.0
"""Seconds in which a whole burst of evictions is saved up again."""


class Cluster(survey.Cluster, resume.Cluster, carry.Cluster, Protocol):
    """The kube-apiserver as far as draining goes."""

    def node(self, name: str) -> Object:
        """Return a Node object; NotFound where there is none."""

    def withdraw(self, namespace: str, name: str, uid: str) -> None:
        """Take back that a pod was asked to leave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How the owner wants it done, round after round."""

    bare_pods: bool = False
    longest_checkpoint: float = 1800.0
    """Seconds; a pod that wants more is given that."""
    site_tier: int | None = None
    """The tier that no gang straddles unless it says that it may."""
    prefix: str = PREFIX
    names: Names = OUR_NAMES
    """Of what pods with shared GPUs ask for, and are bound with."""
    suspected: bool = False
    """Whether pods go that may use a fenced device, where nobody says who does."""


class Drainer:
    """Empties the nodes whose applied taint says drain."""

    def __init__(  # noqa: PLR0913 - what a drainer needs, all by keyword
        self,
        cluster: Cluster,
        nodes: NodeCache,
        *,
        fleet: Callable[[], Snapshot | None],
        leading: Callable[[], bool],
        announcer: Announcer,
        metrics: Metrics,
        rate: float,
        policy: Policy = Policy(),
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Prepare; `leading` is asked again before each eviction.

        `fleet` returns all nodes and what is taken of them, None while that is not known.
        """
        self._cluster = cluster
        self._nodes = nodes
        self._fleet = fleet
        self._leading = leading
        self._teller = Teller(announcer)
        self._metrics = metrics
        self._policy = policy
        self._now = now
        self._survey = survey.Survey(
            cluster, policy.prefix, policy.names, suspected=policy.suspected
        )
        self._resumer = resume.Resumer(
            cluster, announcer=announcer, counted=metrics.drain_job, prefix=policy.prefix
        )
        self._bucket = Bucket(rate, burst=rate, clock=clock)
        self._backoff = Backoff(clock)
        self._resting = Resting(clock)
        self._lost = ""

    def run(self, stop: threading.Event, wake: threading.Event, interval: float) -> None:
        """Drain until stopped: every `interval`, and at once when woken."""
        while not stop.is_set():
            pause = interval
            if self._leading():
                pause = min(interval, self._try_round(stop))
            else:
                self._metrics.census = None
            wake.wait(pause)
            wake.clear()

    def _try_round(self, stop: threading.Event) -> float:
        """Make one round; return after how many seconds the next one may find more to do."""
        try:
            made = self.round(stop)
        except KubeError as error:
            self._metrics.drain_failed(error.reason)
            if not self._lost:
                log.warning("drain held up", extra={"reason": error.reason, "error": str(error)})
            self._lost = error.reason
            return float("inf")
        if self._lost:
            log.info("drain goes on", extra={"after": self._lost})
        self._lost = ""
        waits = any(held.state == drain.PENDING for held in made.held)
        return max(self._bucket.wait(), _REFILL) if waits else float("inf")

    def round(self, stop: threading.Event | None = None) -> Plan:
        """Read, plan and act once; return the plan. KubeError where the server cannot be asked."""
        tainted = self._nodes.with_drain_taint()
        due = [n for n in tainted if _state(n) == DRAINING and not self._resting.may_wait(n)]
        looked = [self._survey.draining(node) for node in map(self._fresh, due) if node is not None]
        draining = [each for each, _ in looked]
        snapshot = self._fleet()
        members = snapshot.members if snapshot is not None else ()
        asked = {m.key for m in members if m.leaving and not m.terminating}
        closed = {node.name for node in tainted if node.drains}
        elsewhere = survey.room_elsewhere(snapshot, closed, self._policy.site_tier)
        situation = self._survey.situation(
            draining, asked=asked, elsewhere=elsewhere, now=self._now()
        )
        made = drain.plan(situation, self._rules(situation))
        self._teller.plan(draining, made, self._resting.knows)
        self._resting.note(due, {node.uid for node in made.drained})
        unknown = {each.node.name: devices for each, devices in looked if devices}
        self._teller.users_unknown(draining, unknown)
        self._metrics.census = census = self._census(tainted, made, unknown)
        self._act(made, stop)
        self._withdraw(members, asked, situation)
        waiting = self._resume(elsewhere)
        self._metrics.census = replace(census, jobs=waiting)
        return made

    def _rules(self, situation: Situation) -> Rules:
        return Rules(
            room=self._bucket.room(),
            waiting=self._waiting(situation),
            bare_pods=self._policy.bare_pods,
            longest=self._policy.longest_checkpoint,
        )

    def _act(self, made: Plan, stop: threading.Event | None) -> None:
        """Carry a plan out: ask, suspend, evict."""
        moment = datetime.fromtimestamp(self._now(), UTC).isoformat(timespec="seconds")

        def may() -> bool:
            return self._leading() and (stop is None or not stop.is_set())

        carry.ask(made.ask, self._cluster, may=may, moment=moment)
        carry.carry(made, self._cluster, self, may=may, mark=SUSPENDED_FOR_FAULT)

    def suspended(self, suspension: Suspension) -> None:
        """Count and tell of a Job whose pods go."""
        self._metrics.drain_job(resume.SUSPENDED)
        self._teller.suspended(suspension)

    def not_suspended(self, suspension: Suspension, error: KubeError) -> None:
        """Count and tell of a Job that could not be suspended."""
        self._metrics.drain_job(resume.FAILED)
        if not isinstance(error, Unreachable):
            self._teller.not_suspended(suspension, error)

    def evicted(self, eviction: Eviction) -> None:
        """Count and tell of a pod that goes."""
        self._bucket.owe()
        self._metrics.evicted(EVICTED)
        self._backoff.forget(eviction.pod.uid)
        self._teller.evicted(eviction)

    def not_evicted(self, eviction: Eviction, result: str, error: KubeError) -> None:
        """Count and tell of a pod whose eviction was refused, and try it again only later."""
        self._bucket.owe()
        self._metrics.evicted(result)
        if result != GONE and not isinstance(error, Unreachable):
            self._backoff.refused(eviction.pod.uid, getattr(error, "retry_after", 0.0))
            self._teller.not_evicted(eviction, result, error)

    def _resume(self, elsewhere: Elsewhere | None) -> int:
        """Resume the Jobs that fit again; return how many still wait."""
        jobs = self._resumer.jobs()
        if not jobs or elsewhere is None or not self._leading():
            return len(jobs)
        return self._resumer.resume(jobs, elsewhere)

    def _withdraw(
        self, members: Sequence[Member], asked: Collection[str], situation: Situation
    ) -> None:
        """Take back what was asked of gangs that are not to leave any more."""
        units = {unit.name for unit in form(situation.draining, situation.gangs)}
        for member in members:
            if member.key in asked and member.leaving and member.key not in units:
                with suppress(NotFound, Conflict):
                    self._cluster.withdraw(member.namespace, member.name, member.uid)

    def _census(
        self, tainted: Sequence[NodeHealth], made: Plan, unknown: Collection[str]
    ) -> Census:
        self._resting.keep({node.name for node in tainted})
        states = Counter(
            DRAINED if node.name in self._resting else _state(node)
            for node in tainted
            if node.name not in unknown
        )
        states[USERS_UNKNOWN] += len(unknown)
        return Census(nodes=+states, pods=drain.count_states(made.held))

    def _fresh(self, cached: NodeHealth) -> NodeHealth | None:
        """Return a node as it is now, if it still is to be drained: no eviction by memory."""
        try:
            node = assess(self._cluster.node(cached.name), self._policy.prefix)
        except NotFound:
            return None
        return node if node.managed and (node.drains or node.fenced) else None

    def _waiting(self, situation: Situation) -> frozenset[str]:
        """Return the pods not to be tried yet, forgetting those that are no longer there."""
        here = {pod.uid for each in situation.draining for pod in each.pods}
        here |= {pod.uid for pods in situation.gangs.values() for pod in pods}
        return self._backoff.waiting(here)


def _state(node: NodeHealth) -> str:
    """Return what the drainer makes of a node with a drain taint, before it looks at its pods."""
    if not node.managed:
        return UNMANAGED
    return DRAINING if node.drains or node.fenced else UNVOUCHED
