"""Which pods use a faulty device that is fenced off on its own. Pure.

Who knows it: the devices annotation, the kubelet (`allocatedResourcesStatus` of a device plugin's
resources), or the ResourceClaims that a DRA driver's devices are allocated to. Where none of them
does, the answer is unknown, and nobody is moved.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from catalog import wire
from scheduler_feedback.health import Fenced

Object = Mapping[str, Any]
Device = tuple[str, str, str]
"""Driver, pool and name, as DRA calls a device."""


def users_of(
    fenced: Fenced, pods: Sequence[Object], claims: Sequence[Object], slices: Sequence[Object]
) -> frozenset[str] | None:
    """Return the uids of the pods that use a device; None where nobody says."""
    if fenced.users and wire.CUT not in fenced.users:
        return frozenset(fenced.users)
    devices = {device for device, uuid in _devices(slices) if uuid == fenced.device}
    if devices:
        return frozenset(uid for uid, used in _allocated(claims) if used in devices)
    told = [(pod["metadata"]["uid"], _device_ids(pod)) for pod in pods]
    if not any(ids for _, ids in told):
        return None
    return frozenset(uid for uid, ids in told if fenced.device in ids)


def _device_ids(pod: Object) -> set[str]:
    """Return the ids of a pod's devices; a shared device's replica is named `ID::N`."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return {
        str(resource.get("resourceID", "")).partition("::")[0]
        for container in statuses
        for allocated in container.get("allocatedResourcesStatus") or ()
        for resource in allocated.get("resources") or ()
    }


def _devices(slices: Iterable[Object]) -> Iterator[tuple[Device, str]]:
    for each in slices:
        spec = each.get("spec") or {}
        driver, pool = spec.get("driver", ""), (spec.get("pool") or {}).get("name", "")
        for device in spec.get("devices") or ():
            for name, value in (device.get("attributes") or {}).items():
                if name.rpartition("/")[2] == "uuid":
                    yield (driver, pool, device["name"]), str(value.get("string", ""))


def _allocated(claims: Iterable[Object]) -> Iterator[tuple[str, Device]]:
    for claim in claims:
        status = claim.get("status") or {}
        users = [r["uid"] for r in status.get("reservedFor") or () if r.get("resource") == "pods"]
        devices = ((status.get("allocation") or {}).get("devices") or {}).get("results") or ()
        for device in devices:
            for uid in users:
                yield uid, (device["driver"], device["pool"], device["device"])
