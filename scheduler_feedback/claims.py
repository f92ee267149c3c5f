"""ResourceClaims, by which pods ask a DRA driver for devices. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

CLAIMS = "/apis/resource.k8s.io/v1/resourceclaims"
SLICES = "/apis/resource.k8s.io/v1/resourceslices"


def results(claim: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the devices that are allocated to a claim, each with the request it answers."""
    allocation = (claim.get("status") or {}).get("allocation") or {}
    found: Sequence[Mapping[str, Any]] = (allocation.get("devices") or {}).get("results") or ()
    return found


def users(claim: Mapping[str, Any]) -> list[str]:
    """Return the uids of the pods that may use a claim's devices."""
    reserved = (claim.get("status") or {}).get("reservedFor") or ()
    return [each["uid"] for each in reserved if each.get("resource") == "pods"]


def classes(claim: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each request's name, as results name it, and the device class it asks for."""
    devices = (claim.get("spec") or {}).get("devices") or {}
    for request in devices.get("requests") or ():
        if "exactly" in request:
            yield request["name"], request["exactly"].get("deviceClassName", "")
        for choice in request.get("firstAvailable") or ():
            yield f"{request['name']}/{choice['name']}", choice.get("deviceClassName", "")
