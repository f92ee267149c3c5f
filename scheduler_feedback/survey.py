"""Reads all that a drain plan is made of, afresh: nobody is evicted by memory."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

from catalog.wire import PREFIX
from scheduler_feedback.drain import Situation
from scheduler_feedback.elsewhere import Elsewhere, Snapshot
from scheduler_feedback.errors import NotFound
from scheduler_feedback.health import NodeHealth
from scheduler_feedback.jobs import Job, read_job
from scheduler_feedback.pods import Pod, read_budget, read_pod
from scheduler_feedback.share.names import OUR_NAMES, Names
from scheduler_feedback.units import Draining
from scheduler_feedback.users import suspects, users_of
from scheduler_feedback.watch import Object


class Cluster(Protocol):
    """The kube-apiserver as far as a survey goes."""

    def pods_on(self, node: str) -> Sequence[Object]:
        """Return the Pod objects bound to a node."""

    def pods_in(self, namespace: str) -> Sequence[Object]:
        """Return the Pod objects of a namespace."""

    def budgets(self) -> Sequence[Object]:
        """Return every PodDisruptionBudget object."""

    def job(self, namespace: str, name: str) -> Object:
        """Return a Job object; NotFound where there is none."""

    def claims(self) -> Sequence[Object]:
        """Return every ResourceClaim object."""

    def slices(self, node: str) -> Sequence[Object]:
        """Return a node's ResourceSlice objects."""


class Survey:
    """Asks the kube-apiserver what a plan needs to know."""

    def __init__(
        self,
        cluster: Cluster,
        prefix: str = PREFIX,
        names: Names = OUR_NAMES,
        *,
        suspected: bool = False,
    ) -> None:
        """Prepare; keys have this prefix, and `names` are those of shared GPUs.

        With `suspected`, pods that may use a fenced device are its users where nobody says who is.
        """
        self._cluster = cluster
        self._prefix = prefix
        self._names = names
        self._suspected = suspected

    def draining(self, node: NodeHealth) -> tuple[Draining, tuple[str, ...]]:
        """Return a node with its pods, and those of its fenced devices whose users nobody knows."""
        found = self._cluster.pods_on(node.name)
        pods = tuple(read_pod(pod, self._prefix) for pod in found)
        if not node.fenced:
            return Draining(node=node, pods=pods), ()
        living = [each for each, pod in zip(found, pods, strict=True) if not pod.finished]
        claims, slices = self._cluster.claims(), self._cluster.slices(node.name)
        users: dict[str, tuple[str, float]] = {}
        unknown = []
        for fenced in node.fenced:
            using = users_of(fenced, living, claims, slices, self._names)
            if using is None and self._suspected:
                using = suspects(fenced, living, self._names)
            if using is None:
                unknown.append(fenced.device)
            for uid in using or ():
                users[uid] = (fenced.condition, fenced.began)
        return Draining(node=node, pods=pods, users=users), tuple(unknown)

    def situation(
        self,
        draining: Sequence[Draining],
        *,
        asked: Iterable[str] = (),
        elsewhere: Elsewhere | None,
        now: float,
    ) -> Situation:
        """Return what is known; `asked` are gangs with a rank that was asked to leave before."""
        leaving = [pod for each in draining for pod in each.pods if each.leaves(pod)]
        gangs = self._gangs({*asked, *(pod.gang for pod in leaving if pod.gang)})
        concerned = [*leaving, *(pod for pods in gangs.values() for pod in pods)]
        if not concerned:
            return Situation(draining=draining, now=now)
        return Situation(
            draining=draining,
            budgets=[read_budget(budget) for budget in self._cluster.budgets()],
            gangs=gangs,
            jobs=self.jobs(concerned),
            elsewhere=elsewhere,
            now=now,
        )

    def _gangs(self, names: Collection[str]) -> dict[str, list[Pod]]:
        found: dict[str, list[Pod]] = {name: [] for name in sorted(names)}
        for namespace in sorted({name.partition("/")[0] for name in names}):
            for pod in self._cluster.pods_in(namespace):
                read = read_pod(pod, self._prefix)
                if read.gang in found:
                    found[read.gang].append(read)
        return found

    def jobs(self, pods: Iterable[Pod]) -> Mapping[tuple[str, str], Job]:
        """Return the Jobs of pods, by namespace and name; one that is gone is not there."""
        jobs = {}
        for namespace, name in sorted(
            {(pod.namespace, pod.owner_name) for pod in pods if pod.owner == "Job"}
        ):
            try:
                jobs[namespace, name] = read_job(self._cluster.job(namespace, name), self._prefix)
            except NotFound:
                continue
        return jobs


def room_elsewhere(
    snapshot: Snapshot | None, closed: Collection[str], site_tier: int | None = None
) -> Elsewhere | None:
    """Return the room beside the nodes that are drained; None where the fleet is not known."""
    return None if snapshot is None else Elsewhere(snapshot, closed, site_tier=site_tier)
