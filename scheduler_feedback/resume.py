"""Resumes the Jobs that we have suspended, once their pods fit again."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from catalog.scheduler import DRAIN_JOB_RESULTS
from catalog.wire import PREFIX
from program.announce import About, Announcer
from scheduler_feedback.elsewhere import Elsewhere
from scheduler_feedback.errors import Conflict, KubeError, NotFound, Unreachable
from scheduler_feedback.gang.pods import Member, read_alone, read_member
from scheduler_feedback.jobs import Job, read_job
from scheduler_feedback.watch import Object

_INDEX = "batch.kubernetes.io/job-completion-index"
SUSPENDED, RESUMED, FAILED = DRAIN_JOB_RESULTS


class Cluster(Protocol):
    """The kube-apiserver as far as suspended Jobs go."""

    def suspended_jobs(self) -> Sequence[Object]:
        """Return the Jobs that we have suspended."""

    def resume(self, job: Job) -> None:
        """Resume a Job and take the mark off; Conflict where it has changed."""


def members_of(job: Job, prefix: str = PREFIX) -> list[Member]:
    """Return the pods that a Job makes when it is resumed, before there is any."""
    read = [_pod(job, index) for index in range(job.pods)]
    return [read_member(pod, prefix) or read_alone(pod, prefix) for pod in read]


def _pod(job: Job, index: int) -> dict[str, Any]:
    meta = job.template.get("metadata") or {}
    name = f"{job.name}-{index}"
    return {
        "metadata": {
            **meta,
            "name": name,
            "namespace": job.namespace,
            "uid": f"{job.uid}-{index}",
            "labels": {**(meta.get("labels") or {}), _INDEX: str(index)},
        },
        "spec": job.template.get("spec") or {},
    }


class Resumer:
    """Looks at the suspended Jobs, the oldest name first, and resumes those that fit."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        announcer: Announcer,
        counted: Callable[[str], None],
        prefix: str = PREFIX,
    ) -> None:
        """Prepare; `counted` is told how each change ended."""
        self._cluster = cluster
        self._announcer = announcer
        self._counted = counted
        self._prefix = prefix

    def jobs(self) -> list[Job]:
        """Return the Jobs that carry our mark; KubeError where the server cannot be asked."""
        return [read_job(job, self._prefix) for job in self._cluster.suspended_jobs()]

    def resume(self, jobs: Sequence[Job], elsewhere: Elsewhere) -> int:
        """Resume what fits, and what somebody else has resumed already; return how many wait."""
        waiting = 0
        for job in jobs:
            move = elsewhere.ask(f"{job.namespace}/{job.name}", members_of(job, self._prefix))
            if job.suspended and not move.where:
                waiting += 1
                message = f"stays suspended: there is no room for its pods: {move.why_not}"
                self._announcer.say(about(job), "DrainSuspended", message, warning=True)
                continue
            elsewhere.take(move)
            self.let_go(job)
        return waiting

    def let_go(self, job: Job, why: str = "there is room for its pods again") -> None:
        """Resume a Job, and say why."""
        try:
            self._cluster.resume(job)
        except (Conflict, NotFound):
            return
        except KubeError as error:
            self._counted(FAILED)
            if isinstance(error, Unreachable):
                raise
            message = f"not resumed: {error}"
            self._announcer.say(about(job), "DrainResumeFailed", message, warning=True)
            return
        self._counted(RESUMED)
        self._announcer.say(about(job), "DrainResumed", why)


def about(job: Job) -> About:
    """Return what an Event about a Job is about."""
    return About(
        api_version="batch/v1", kind="Job", namespace=job.namespace, name=job.name, uid=job.uid
    )
