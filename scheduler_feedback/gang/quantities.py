"""What pods ask for and nodes have, as whole numbers: milli-CPU, bytes, devices."""

import math
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from kubernetes.utils.quantity import parse_quantity

from scheduler_feedback.gang.fleet import Request

CPU, PODS = "cpu", "pods"
_MILLI = 1000
_LARGEST = 1 << 50
"""No node has a PiB of anything; what all pods of one ask for together still fits 64 bits."""


@lru_cache(maxsize=4096)
def _amount(resource: str, text: str) -> int:
    scale = _MILLI if resource == CPU else 1
    try:
        amount = parse_quantity(text) * scale
    except (ValueError, ArithmeticError):
        return 0
    if not amount.is_finite() or amount <= 0:
        return 0
    return _LARGEST if amount > _LARGEST else math.ceil(amount)


def read_amounts(told: Mapping[str, Any] | None) -> dict[str, int]:
    """Return resource → amount; what cannot be read counts as none."""
    return {name: _amount(name, str(value)) for name, value in (told or {}).items()}


def read_request(spec: Mapping[str, Any]) -> dict[str, int]:
    """Return what a pod's spec asks for, as kube-scheduler counts it.

    The containers together, or the largest start-up container where that is more; a start-up
    container that stays (restartPolicy Always) counts with the others. Where the pod as a whole
    asks for something (KEP-2837), that counts in their place. Limits stand for requests that were
    not made, which the kube-apiserver has filled in already.
    """
    running = _sum(map(_asked, spec.get("containers") or ()))
    largest: dict[str, int] = {}
    for container in spec.get("initContainers") or ():
        asked = _asked(container)
        if container.get("restartPolicy") == "Always":
            running = _sum((running, asked))
        else:
            largest = _max(largest, _sum((running_sidecars(spec, container), asked)))
    asked = _max(running, largest) | _asked(spec)
    return _sum((asked, read_amounts(spec.get("overhead"))))


def running_sidecars(spec: Mapping[str, Any], until: Mapping[str, Any]) -> dict[str, int]:
    """Return what the sidecars that start before a start-up container ask for."""
    found: list[dict[str, int]] = []
    for container in spec.get("initContainers") or ():
        if container is until:
            break
        if container.get("restartPolicy") == "Always":
            found.append(_asked(container))
    return _sum(found)


def _asked(part: Mapping[str, Any]) -> dict[str, int]:
    """Return what a container asks for, or a pod as a whole."""
    resources = part.get("resources") or {}
    return read_amounts({**(resources.get("limits") or {}), **(resources.get("requests") or {})})


def _sum(parts: Iterable[Request]) -> dict[str, int]:
    total: dict[str, int] = {}
    for part in parts:
        for resource, amount in part.items():
            total[resource] = min(total.get(resource, 0) + amount, _LARGEST)
    return total


def _max(one: Request, other: Request) -> dict[str, int]:
    return {name: max(one.get(name, 0), other.get(name, 0)) for name in {*one, *other}}
