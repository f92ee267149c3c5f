"""What draining asks of the kube-apiserver and changes there."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from catalog.wire import DRAIN_REQUESTED, DRAIN_SUSPENDED, GANG, GANG_PLACED, GIVES_WAY_TO, key
from scheduler_feedback.claims import CLAIMS, SLICES
from scheduler_feedback.errors import NotFound
from scheduler_feedback.jobs import Job
from scheduler_feedback.kube import BUDGETS, PODS, Kube
from scheduler_feedback.pods import Pod
from scheduler_feedback.watch import Object

OURS = (DRAIN_REQUESTED, GIVES_WAY_TO, GANG_PLACED)
"""The annotations that we write on pods, but for those of shared GPUs."""

_JOBS = "/apis/batch/v1/jobs"


class DrainKube:
    """The requests of drainer, its questions, and `release`."""

    def __init__(self, kube: Kube, prefix: str) -> None:
        """Speak through a client; keys have this prefix."""
        self._kube = kube
        self._prefix = prefix

    def node(self, name: str) -> Object:
        """Return a Node object as it is now; NotFound where there is none."""
        return self._kube.node(name)

    def pods_on(self, node: str) -> Sequence[Object]:
        """Return the Pod objects bound to a node."""
        return list(self._kube.listing(PODS, fieldSelector=f"spec.nodeName={node}").objects)

    def pods_in(self, namespace: str) -> Sequence[Object]:
        """Return the Pod objects of a namespace."""
        return list(self._kube.listing(f"/api/v1/namespaces/{quote(namespace)}/pods").objects)

    def all_pods(self) -> Sequence[Object]:
        """Return every Pod object."""
        return list(self._kube.listing(PODS).objects)

    def budgets(self) -> Sequence[Object]:
        """Return every PodDisruptionBudget object."""
        return list(self._kube.listing(BUDGETS).objects)

    def job(self, namespace: str, name: str) -> Object:
        """Return a Job object; NotFound where there is none."""
        return self._kube.job(namespace, name)

    def suspended_jobs(self) -> Sequence[Object]:
        """Return the Jobs that we have suspended."""
        ours = key(DRAIN_SUSPENDED, self._prefix)
        return list(self._kube.listing(_JOBS, labelSelector=ours).objects)

    def claims(self) -> Sequence[Object]:
        """Return every ResourceClaim object; none where the server knows no such kind."""
        return self._if_served(CLAIMS)

    def slices(self, node: str) -> Sequence[Object]:
        """Return a node's ResourceSlice objects; none where the server knows no such kind."""
        return self._if_served(SLICES, fieldSelector=f"spec.nodeName={node}")

    def _if_served(self, path: str, **selectors: str) -> Sequence[Object]:
        try:
            return list(self._kube.listing(path, **selectors).objects)
        except NotFound:
            return ()

    def evict(self, namespace: str, name: str, uid: str) -> None:
        """Evict a pod, if it is still the one with this uid.

        TooManyRequests where a PodDisruptionBudget forbids it now; NotFound or Conflict where the
        pod is gone or another one.
        """
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": name, "namespace": namespace},
            "deleteOptions": {"preconditions": {"uid": uid}},
        }
        self._kube.call("POST", f"/api/v1/namespaces/{namespace}/pods/{name}/eviction", body)

    def ask_to_leave(self, pod: Pod, moment: str, gives_way_to: str = "") -> None:
        """Write on a pod when it was asked to save its state; NotFound or Conflict as above."""
        notes = {DRAIN_REQUESTED: moment, GIVES_WAY_TO: gives_way_to or None}
        self._annotate(pod.namespace, pod.name, pod.uid, notes)

    def withdraw(self, namespace: str, name: str, uid: str) -> None:
        """Take back that a pod was asked to leave."""
        self._annotate(namespace, name, uid, {DRAIN_REQUESTED: None, GIVES_WAY_TO: None})

    def forget(self, pod: Object) -> None:
        """Take our annotations off a pod, and open our gate."""
        meta, spec = pod["metadata"], pod.get("spec") or {}
        gate = key(GANG, self._prefix)
        gates = [g for g in spec.get("schedulingGates") or () if g["name"] != gate]
        notes = [key(name, self._prefix) for name in OURS]
        change: dict[str, Any] = {
            "metadata": {"uid": meta["uid"], "annotations": dict.fromkeys(notes)}
        }
        if gates != (spec.get("schedulingGates") or []):
            change["spec"] = {"schedulingGates": gates}
        path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"
        self._kube.call("PATCH", path, change)

    def suspend(self, job: Job, mark: str) -> None:
        """Suspend a Job and mark it as suspended by us; Conflict where it has changed."""
        self._change_job(job, suspend=True, mark=mark)

    def resume(self, job: Job) -> None:
        """Resume a Job and take the mark off; Conflict where it has changed."""
        self._change_job(job, suspend=False, mark=None)

    def _change_job(self, job: Job, *, suspend: bool, mark: str | None) -> None:
        change = {
            "metadata": {
                "resourceVersion": job.version,
                "labels": {key(DRAIN_SUSPENDED, self._prefix): mark},
            },
            "spec": {"suspend": suspend},
        }
        path = f"/apis/batch/v1/namespaces/{job.namespace}/jobs/{job.name}"
        self._kube.call("PATCH", path, change)

    def _annotate(
        self, namespace: str, name: str, uid: str, notes: Mapping[str, str | None]
    ) -> None:
        annotations = {key(note, self._prefix): value for note, value in notes.items()}
        body = {"metadata": {"uid": uid, "annotations": annotations}}
        self._kube.call("PATCH", f"/api/v1/namespaces/{namespace}/pods/{name}", body)
