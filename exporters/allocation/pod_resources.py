"""What the kubelet's pod-resources API answers: the messages of podresources/v1/api.proto."""

from collections.abc import Iterator
from dataclasses import dataclass

from exporters.allocation.device_id import of_claim, of_plugin
from exporters.allocation.protobuf import submessages, text

_LONGEST_NAME = 253
"""Characters that a name in the Kubernetes API may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A device that a container holds.

    `source` is the resource of a device plugin, or the driver that a claim went to.
    """

    namespace: str
    pod: str
    container: str
    source: str
    device: str
    claimed: bool = False


def holdings(message: memoryview) -> Iterator[Holding]:
    """Yield each GPU that a container holds, from the answer to `List`."""
    for pod in submessages(message, 1):
        name, namespace = _name(pod, 1), _name(pod, 2)
        for container in submessages(pod, 3):
            inside = _name(container, 1)
            for source, device, claimed in (*_devices(container), *_claims(container)):
                yield Holding(
                    namespace=namespace,
                    pod=name,
                    container=inside,
                    source=source,
                    device=device,
                    claimed=claimed,
                )


def allocatable(message: memoryview) -> Iterator[tuple[str, str]]:
    """Yield resource and id of each GPU, from the answer to `GetAllocatableResources`."""
    return _gpus(message, 1)


def _devices(container: memoryview) -> Iterator[tuple[str, str, bool]]:
    for resource, device in _gpus(container, 2):
        yield resource, device, False


def _gpus(message: memoryview, number: int) -> Iterator[tuple[str, str]]:
    for devices in submessages(message, number):
        resource = _name(devices, 1)
        for encoded in submessages(devices, 2):
            device = bytes(encoded).decode("utf-8", "replace")
            if of_plugin(resource, device) is not None:
                yield resource, device


def _claims(container: memoryview) -> Iterator[tuple[str, str, bool]]:
    for claim in submessages(container, 5):
        for resource in submessages(claim, 4):
            driver, device = _name(resource, 2), _name(resource, 4)
            if of_claim(driver, device) is not None:
                yield driver, device, True


def _name(message: memoryview, number: int) -> str:
    """Return a name, made harmless: the kubelet gives none that is longer or not printable."""
    name = text(message, number)[:_LONGEST_NAME]
    return "".join(c if c.isprintable() else "\ufffd" for c in name)
