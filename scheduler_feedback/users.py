"""Which pods use a faulty device that is fenced off on its own. Pure.

Who knows it: the devices annotation, the ResourceClaims that a DRA driver's devices are allocated
to, the assignment of a pod's shared GPUs, or the kubelet (`allocatedResourcesStatus` of a device
plugin's resources). Where one of them names users, they are the users. Where none does, and there
is a pod with a GPU of which nobody says which, the answer is unknown, and nobody is moved: a MIG
device's id does not tell its GPU, nor does a device plugin that counts devices in place of naming
them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from catalog import wire
from scheduler_feedback.claims import results, users
from scheduler_feedback.gang.quantities import read_request
from scheduler_feedback.health import Fenced
from scheduler_feedback.share.gpus import read_use
from scheduler_feedback.share.names import OUR_NAMES, Names

Object = Mapping[str, Any]
Device = tuple[str, str, str]
"""Driver, pool and name, as DRA calls a device."""

_GPUS = (wire.GPU_RESOURCE, "nvidia.com/mig-")
"""What the names of resources of GPUs, and of parts of them, begin with, beside those of shares."""
_NAMED = "GPU-"
"""A device plugin's id that begins so is a GPU's uuid, with a mark behind it where it is shared."""
_UUIDS = ("uuid", "parentUUID")
"""Attributes by which DRA devices tell their GPU; a MIG device has the uuid of its own too."""


def users_of(
    fenced: Fenced,
    pods: Sequence[Object],
    claims: Sequence[Object],
    slices: Sequence[Object],
    names: Names = OUR_NAMES,
) -> frozenset[str] | None:
    """Return the uids of the pods that use a device; None where nobody says."""
    if fenced.users and wire.CUT not in fenced.users:
        return frozenset(fenced.users)
    devices = {device for device, uuid in _devices(slices) if uuid == fenced.device}
    if devices:
        return frozenset(uid for uid, used in _allocated(claims) if used in devices)
    told = {pod["metadata"]["uid"]: _uses(pod, fenced, names) for pod in pods}
    found = frozenset(uid for uid, uses in told.items() if uses)
    return None if not found and None in told.values() else found


def suspects(fenced: Fenced, pods: Sequence[Object], names: Names = OUR_NAMES) -> frozenset[str]:
    """Return the uids of the pods that may use a device, as nobody says what else they have."""
    return frozenset(pod["metadata"]["uid"] for pod in pods if _uses(pod, fenced, names) is None)


def _uses(pod: Object, fenced: Fenced, names: Names) -> bool | None:
    """Return whether a pod uses a device; None where nobody says which it has."""
    use = read_use(pod, names)
    if use is not None and use.parts:
        index = fenced.index
        return None if index is None else any(part.gpu == index for part in use.parts)
    gpus = (*_GPUS, names.milli.name, names.memory.name)
    ids = _device_ids(pod, gpus)
    if any(_is_of(each, fenced.device) for each in ids):
        return True
    if ids and all(each.startswith(_NAMED) for each in ids):
        return False
    spec = pod.get("spec") or {}
    has_gpus = any(name.startswith(gpus) for name in read_request(spec))
    return None if ids or has_gpus or spec.get("resourceClaims") else False


def _is_of(told: str, uuid: str) -> bool:
    """Whether an id is a GPU's, or that of a share of it: `UUID::N`, `UUID-N`, `UUID-_-N`."""
    return told.startswith(uuid) and not told[len(uuid) :][:1].isalnum()


def _device_ids(pod: Object, gpus: tuple[str, ...]) -> set[str]:
    """Return the ids of a pod's GPUs, as its device plugin calls them."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return {
        str(resource.get("resourceID", ""))
        for container in statuses
        for allocated in container.get("allocatedResourcesStatus") or ()
        if str(allocated.get("name", "")).startswith(gpus)
        for resource in allocated.get("resources") or ()
    }


def _devices(slices: Iterable[Object]) -> Iterator[tuple[Device, str]]:
    for each in slices:
        spec = each.get("spec") or {}
        driver, pool = spec.get("driver", ""), (spec.get("pool") or {}).get("name", "")
        for device in spec.get("devices") or ():
            for name, value in (device.get("attributes") or {}).items():
                if name.rpartition("/")[2] in _UUIDS:
                    yield (driver, pool, device["name"]), str(value.get("string", ""))


def _allocated(claims: Iterable[Object]) -> Iterator[tuple[str, Device]]:
    for claim in claims:
        for device in results(claim):
            if device.get("adminAccess"):
                continue  # it watches the device that others have
            for uid in users(claim):
                yield uid, (device["driver"], device["pool"], device["device"])
