"""`release --all`: takes away what this program has left in the cluster.

On pods: annotations of its own, and the gate, so that nobody waits for a controller that is gone.
On Jobs: the suspension. And its Lease. Its Events expire by themselves; a pod that it has pinned to
a node stays so until it ends, as Kubernetes lets nobody widen a pod's node selector again.
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from catalog.wire import GANG, PREFIX, key
from program.errors import ProgramError, UsageError
from program.flags import add_flags, build, flag, key_prefix, parser
from scheduler_feedback.connection import Connection
from scheduler_feedback.drain_kube import OURS
from scheduler_feedback.errors import Conflict, KubeError, NotFound
from scheduler_feedback.jobs import Job, read_job
from scheduler_feedback.watch import Object


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Connection):
    """What `release` is told."""

    key_prefix: str = flag(
        "key-prefix",
        default=PREFIX,
        metavar="PREFIX",
        parse=key_prefix,
        help="prefix of the program's labels and annotations",
    )
    all: bool = flag("all", default=False, help="take away everything that is ours")


class Leases(Protocol):
    """Where Leases are kept."""

    def delete_lease(self, namespace: str, name: str) -> None:
        """Delete a Lease; NotFound where there is none."""


class Cluster(Protocol):
    """What else may carry something of ours."""

    def all_pods(self) -> Sequence[Object]:
        """Return every Pod object."""

    def suspended_jobs(self) -> Sequence[Object]:
        """Return the Jobs that carry our mark."""

    def forget(self, pod: Object) -> None:
        """Take our annotations off a pod, and open our gate."""

    def resume(self, job: Job) -> None:
        """Resume a Job and take the mark off."""


class Books(Protocol):
    """Where bindings to shared GPUs are announced."""

    def release(self) -> list[str]:
        """Delete every book; return their names."""


def release_books(books: Books, namespace: str) -> None:
    """Remove the books of shared GPUs; a program that still binds writes them again."""
    try:
        names = books.release()
    except KubeError as error:
        raise ProgramError(f"ConfigMaps in {namespace}: {error.reason}: {error}") from None
    for name in names:
        sys.stdout.write(f"ConfigMap {namespace}/{name}: removed\n")


def read(argv: list[str]) -> Settings:
    """Return what the command line says; UsageError where it does not say `--all`."""
    made = parser("railwatch-scheduler release", "Remove what railwatch-scheduler left behind.")
    add_flags(made, Settings)
    settings = build(Settings, made.parse_args(argv))
    if not settings.all:
        raise UsageError("release takes everything away or nothing: say --all")
    return settings


def release(leases: Leases, cluster: Cluster, settings: Settings) -> None:
    """Remove it all, saying what; a program that still runs writes it anew, so end it first.

    What goes wrong with one object does not keep the others: ProgramError at the end names it.
    """
    prefix = settings.key_prefix
    failed = []
    try:
        jobs = [read_job(job, prefix) for job in cluster.suspended_jobs()]
        pods = [pod for pod in cluster.all_pods() if _ours(pod, prefix)]
    except KubeError as error:
        raise ProgramError(f"kube-apiserver: {error.reason}: {error}") from None
    for job in jobs:
        failed += attempt(
            f"Job {job.namespace}/{job.name}", "resumed", partial(cluster.resume, job)
        )
    for pod in pods:
        done = "let go" if _gated(pod, prefix) else "annotations removed"
        failed += attempt(_pod(pod), done, partial(cluster.forget, pod))
    where = f"Lease {settings.lease_namespace}/{settings.lease_name}"
    lease = (settings.lease_namespace, settings.lease_name)
    failed += attempt(where, "removed", lambda: leases.delete_lease(*lease))
    _tell_templates(pods, prefix)
    tell_failed(failed)


def tell_failed(failed: Sequence[str]) -> None:
    """Raise ProgramError where something failed."""
    if failed:
        raise ProgramError(f"{'; '.join(failed[:3])}; {len(failed)} in all: run it again")


def attempt(what: str, done: str, act: Callable[[], None]) -> list[str]:
    """Do something and say so; return what went wrong, if anything."""
    try:
        act()
    except NotFound:
        sys.stdout.write(f"{what}: not there\n")
    except Conflict:
        return [f"{what}: changed meanwhile"]
    except KubeError as error:
        return [f"{what}: {error.reason}: {error}"]
    else:
        sys.stdout.write(f"{what}: {done}\n")
    return []


def _tell_templates(pods: Iterable[Object], prefix: str) -> None:
    waited = sum(1 for pod in pods if _gated(pod, prefix))
    if waited:
        sys.stdout.write(
            f"{waited} pods waited at the gate {key(GANG, prefix)}; where a Job's or other owner's "
            "template, or an admission policy, names the gate, its next pods wait again\n"
        )


def _ours(pod: Object, prefix: str) -> bool:
    notes = pod["metadata"].get("annotations") or {}
    written = any(key(name, prefix) in notes for name in OURS)
    return written or _gated(pod, prefix)


def _gated(pod: Object, prefix: str) -> bool:
    gates = (pod.get("spec") or {}).get("schedulingGates") or ()
    return any(gate["name"] == key(GANG, prefix) for gate in gates)


def _pod(pod: Object) -> str:
    return f"Pod {pod['metadata']['namespace']}/{pod['metadata']['name']}"
