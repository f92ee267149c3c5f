"""What queues mean for one pod: what `explain` says of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scheduler_feedback.errors import KubeError
from scheduler_feedback.gang.gather import as_gang
from scheduler_feedback.gang.markers import KUEUE, KUEUE_WORKLOAD, engine_of, upstream_group
from scheduler_feedback.gang.model import Gang
from scheduler_feedback.gang.place import Refusal
from scheduler_feedback.gang.pods import Claim, Member, read_claim, read_member
from scheduler_feedback.kube import Kube
from scheduler_feedback.queue import kueue
from scheduler_feedback.queue.book import Book
from scheduler_feedback.queue.declare import Declaration, Queue
from scheduler_feedback.queue.devices import Devices
from scheduler_feedback.queue.engines import Engines
from scheduler_feedback.watch import Object


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What quotas are counted from."""

    pods: Iterable[Object]
    claims: Iterable[Object] = ()
    """ResourceClaims; none where none are served."""


def by_quota(
    pod: Object,
    known: Known,
    declaration: Declaration,
    served: Iterable[str],
    prefix: str,
) -> str:
    """Return how a pod's gang stands with its queue's quota; empty where it has none."""
    asking = read_member(pod, prefix)
    if asking is None:
        return ""
    every = list(known.pods)
    members = [m for m in (read_member(each, prefix) for each in every) if m is not None]
    taken, devices = _claims(every), Devices()
    devices.replace(known.claims)
    held = devices.taken(declaration.device_classes, taken)
    book = Book(declaration, [*taken, *_coming(members), *held], tuple(served))
    own = [m for m in members if m.key == asking.key and not m.terminating]
    gang = _gang(own or [asking])
    queue = None if gang is None else book.held(gang)
    if gang is None or queue is None:
        return ""
    found = book.admit(gang) if gang.waiting else gang
    if isinstance(found, Refusal):
        return f"{found.reason}: {found.detail}"
    return _stands(book, queue)


def by_engine(kube: Kube, pod: Object, engines: Engines) -> str:
    """Return what another engine says of a pod that is its own to admit; empty where none is."""
    engine = engine_of(pod)
    if engine == KUEUE and engine in engines.served:
        return _by_kueue(kube, pod, engines)
    group = upstream_group(pod.get("spec") or {})
    if group:
        return f"upstream: kube-scheduler places PodGroup {group} as a whole"
    return f"{engine}: it admits the pod" if engine and engine in engines.served else ""


def look(engines: Engines) -> Engines:
    """Return the engines after a look at what is served; none where that fails."""
    try:
        engines.discover()
    except KubeError:
        return engines
    return engines


def _by_kueue(kube: Kube, pod: Object, engines: Engines) -> str:
    base = engines.path("kueue_local").removesuffix("/localqueues")
    path = f"{base}/namespaces/{pod['metadata']['namespace']}/workloads"
    try:
        found = [each for each in kube.listing(path).objects if _is_of(each, pod)]
    except KubeError as error:
        return f"kueue: its Workloads cannot be read: {error.reason}: {error}"
    for workload in found[:1]:
        name, told = workload["metadata"]["name"], kueue.why_waiting(workload)
        return f"kueue: Workload {name}: {told or 'admitted'}"
    return "kueue: it has no Workload of the pod yet"


def _is_of(workload: Mapping[str, Any], pod: Object) -> bool:
    """Whether a Workload is a pod's: the pod names it, or it is owned by the pod or its owner."""
    meta = pod["metadata"]
    named = (meta.get("annotations") or {}).get(KUEUE_WORKLOAD)
    if named:
        return bool(workload["metadata"]["name"] == named)
    own = {meta["uid"], *(owner.get("uid") for owner in meta.get("ownerReferences") or ())}
    return any(o.get("uid") in own for o in workload["metadata"].get("ownerReferences") or ())


def _claims(pods: Iterable[Object]) -> list[Claim]:
    return [claim for claim in map(read_claim, pods) if claim is not None]


def _coming(members: Iterable[Member]) -> list[Claim]:
    """Return what pods that were let go and are not bound yet will take."""
    return [
        Claim(uid=m.uid, node=m.pin, request=m.request, namespace=m.namespace, engine=m.engine)
        for m in members
        if m.pin and not m.node and not m.terminating
    ]


def _gang(members: Sequence[Member]) -> Gang | None:
    terms = members[0].terms
    return None if terms is None else as_gang(terms, members, {}, None)


def _stands(book: Book, queue: Queue) -> str:
    used = book.used(queue)
    told = [
        f"{used[r]} {r} of {q.guaranteed} guaranteed"
        + ("" if q.limit is None else f", at most {q.limit}")
        for r, q in sorted(queue.quotas.items())
    ]
    return f"queue {queue.name} has room for it by its quota: uses {'; '.join(told)}"
