"""Carries out what was decided of pods that leave: asks them, suspends their Jobs, evicts the rest.

One way for all who move pods, the drainer and the queues, so that jobs survive both alike.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Protocol

from catalog.scheduler import EVICTION_RESULTS
from scheduler_feedback.drain import Eviction, Plan
from scheduler_feedback.errors import (
    Conflict,
    Forbidden,
    Invalid,
    KubeError,
    NotFound,
    TooManyRequests,
    Unreachable,
)
from scheduler_feedback.jobs import Job, Suspension
from scheduler_feedback.pods import Pod

EVICTED, GONE, BLOCKED, REFUSED, FAILED = EVICTION_RESULTS


class Cluster(Protocol):
    """The kube-apiserver as far as pods leave."""

    def evict(self, namespace: str, name: str, uid: str) -> None:
        """Evict a pod through the Eviction API."""

    def ask_to_leave(self, pod: Pod, moment: str, gives_way_to: str = "") -> None:
        """Write on a pod when it was asked to save its state, and for whom if not for a fault."""

    def suspend(self, job: Job, mark: str) -> None:
        """Suspend a Job and mark it as suspended by us."""


class Outcomes(Protocol):
    """Who is told how each step ended."""

    def suspended(self, suspension: Suspension) -> None:
        """Hear that a Job was suspended."""

    def not_suspended(self, suspension: Suspension, error: KubeError) -> None:
        """Hear that a Job was not, and its unit stays."""

    def evicted(self, eviction: Eviction) -> None:
        """Hear that a pod was evicted."""

    def not_evicted(self, eviction: Eviction, result: str, error: KubeError) -> None:
        """Hear that a pod was not; of its unit no more is tried, unless it was gone before."""


def ask(
    pods: Iterable[Pod],
    cluster: Cluster,
    *,
    may: Callable[[], bool],
    moment: str,
    gives_way_to: str = "",
) -> None:
    """Ask pods to save their state, as long as it may."""
    for pod in pods:
        if not may():
            return
        with suppress(NotFound, Conflict):
            cluster.ask_to_leave(pod, moment, gives_way_to)


def carry(
    made: Plan, cluster: Cluster, outcomes: Outcomes, *, may: Callable[[], bool], mark: str
) -> None:
    """Suspend and evict, as long as it may; of a unit that is refused, no more.

    `mark` says on a Job who has suspended it. Unreachable where the server is not there.
    """
    refused: set[str] = set()
    for suspension in made.suspend:
        if may() and not _suspend(suspension, cluster, outcomes, mark):
            refused.add(suspension.unit)
    for eviction in made.evict:
        if not may():
            return
        if eviction.unit not in refused and not _evict(eviction, cluster, outcomes):
            refused.add(eviction.unit)


def _suspend(suspension: Suspension, cluster: Cluster, outcomes: Outcomes, mark: str) -> bool:
    try:
        cluster.suspend(suspension.job, mark)
    except KubeError as error:
        outcomes.not_suspended(suspension, error)
        if isinstance(error, Unreachable):
            raise
        return False
    outcomes.suspended(suspension)
    return True


def _evict(eviction: Eviction, cluster: Cluster, outcomes: Outcomes) -> bool:
    """Evict a pod; return whether the rest of its unit may follow."""
    pod = eviction.pod
    try:
        cluster.evict(pod.namespace, pod.name, pod.uid)
    except KubeError as error:
        result = _result(error)
        outcomes.not_evicted(eviction, result, error)
        if isinstance(error, Unreachable):
            raise
        return result == GONE
    outcomes.evicted(eviction)
    return True


def _result(error: KubeError) -> str:
    if isinstance(error, NotFound | Conflict):
        return GONE
    if isinstance(error, TooManyRequests):
        return BLOCKED
    return REFUSED if isinstance(error, Forbidden | Invalid) else FAILED
