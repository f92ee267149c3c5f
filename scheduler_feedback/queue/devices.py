"""What ResourceClaims take of what queues have quotas of.

A pod that asks a DRA driver for GPUs says nothing of it in its requests: its claim does, and the
claim's status says which devices it was given. Each whole device counts for the claim's namespace
from then on, as what its device class stands for. Not counted are devices that somebody only looks
at (admin access), shares of a device that several claims have, and claims that kube-scheduler
itself has made of a pod's requests, which count by those.
"""

import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from scheduler_feedback.claims import classes, results, users
from scheduler_feedback.gang.pods import Claim
from scheduler_feedback.watch import Object

_OF_REQUESTS = "resource.kubernetes.io/extended-resource-claim"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a ResourceClaim holds."""

    uid: str
    namespace: str
    devices: Mapping[str, int]
    """By device class."""
    users: tuple[str, ...]
    """Uids of the pods that use them."""


def read_held(claim: Object) -> Held | None:
    """Return what a ResourceClaim holds; None where that is nothing that counts."""
    meta = claim["metadata"]
    if _OF_REQUESTS in (meta.get("annotations") or {}):
        return None
    of = dict(classes(claim))
    devices = Counter(
        of[result["request"]]
        for result in results(claim)
        if result["request"] in of and not (result.get("adminAccess") or result.get("shareID"))
    )
    if not devices:
        return None
    return Held(
        uid=meta["uid"],
        namespace=meta["namespace"],
        devices=devices,
        users=tuple(users(claim)),
    )


class Devices:
    """All claims that hold devices, kept by a watch; none where none are served."""

    def __init__(self) -> None:
        """Begin empty."""
        self._held: dict[str, Held] = {}
        self._lock = threading.Lock()

    def replace(self, claims: Iterable[Object]) -> None:
        """Take a complete list of ResourceClaim objects for the whole truth."""
        fresh = {held.uid: held for held in map(read_held, claims) if held is not None}
        with self._lock:
            self._held = fresh

    def put(self, claim: Object) -> None:
        """Take a ResourceClaim object that was added or modified."""
        held = read_held(claim)
        with self._lock:
            if held is None:
                self._held.pop(claim["metadata"]["uid"], None)
            else:
                self._held[held.uid] = held

    def drop(self, claim: Object) -> None:
        """Take note that a ResourceClaim object was deleted."""
        with self._lock:
            self._held.pop(claim["metadata"]["uid"], None)

    def vouch(self) -> None:
        """Do nothing: what was true last is counted for as long as nothing newer is heard."""

    def taken(self, resources: Mapping[str, str], pods: Iterable[Claim]) -> list[Claim]:
        """Return what the claims' namespaces take, by the resource of each device class.

        `pods` are those on nodes: who has admitted them admits their devices, and where all leave
        that use a claim its devices are on their way back.
        """
        with self._lock:
            every = list(self._held.values())
        known = {pod.uid: pod for pod in pods} if every else {}
        return [_claim(held, resources, known) for held in every]


def _claim(held: Held, resources: Mapping[str, str], known: Mapping[str, Claim]) -> Claim:
    request: Counter[str] = Counter()
    for of, count in held.devices.items():
        if of in resources:
            request[resources[of]] += count
    pods = [known[uid] for uid in held.users if uid in known]
    return Claim(
        uid=held.uid,
        node="",
        request=request,
        namespace=held.namespace,
        engine=pods[0].engine if pods else "",
        going=bool(pods) and all(pod.going for pod in pods),
    )
