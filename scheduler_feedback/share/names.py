"""What a cluster calls shares of GPUs: resources of nodes and pods, and the annotation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from catalog import wire
from scheduler_feedback.gang.quantities import read_amounts, read_request

WHOLE = 1000
"""A GPU in milli-GPU."""
MOST_GPUS = 16
"""GPUs of one node that are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A resource of nodes and pods; one of it is `unit` milli-GPU, or MiB."""

    name: str
    unit: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The names that a cluster uses."""

    milli: Resource = Resource(name=wire.key(wire.GPU_MILLI))
    memory: Resource = Resource(name=wire.key(wire.GPU_MEMORY))
    count: str = ""
    """Resource of a node that says how many GPUs it shares; empty: as many as make up its milli."""
    annotation: str = wire.key(wire.GPU_ASSIGNMENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a pod asks of shared GPUs: so much of each of so many."""

    gpus: int
    milli: int
    memory: int
    """MiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What a node has to share: GPUs that are alike."""

    gpus: int
    memory: int
    """MiB of each."""


class AskError(ValueError):
    """What a pod asks of shared GPUs cannot be had anywhere; the message says why."""


def read_ask(spec: Mapping[str, Any], names: Names) -> Ask | None:
    """Return what a pod's spec asks of shared GPUs, None where it asks for none; AskError."""
    return ask_of(read_request(spec), names)


def ask_of(request: Mapping[str, int], names: Names) -> Ask | None:
    """Return the same of a request that was read already."""
    milli = request.get(names.milli.name, 0) * names.milli.unit
    memory = request.get(names.memory.name, 0) * names.memory.unit
    if not milli and not memory:
        return None
    gpus, rest = divmod(milli, WHOLE)
    if gpus and rest:
        raise AskError(f"{names.milli.name}: more than one GPU must be whole GPUs, not {milli}")
    if gpus > MOST_GPUS:
        raise AskError(f"{names.milli.name}: {gpus} GPUs, and no node has more than {MOST_GPUS}")
    if not gpus:
        return Ask(gpus=1, milli=milli, memory=memory)
    return Ask(gpus=gpus, milli=WHOLE, memory=-(-memory // gpus))


def read_size(node: Mapping[str, Any], names: Names) -> Size:
    """Return what a Node object has to share; no GPUs where it shares none."""
    return size_of(read_amounts((node.get("status") or {}).get("allocatable")), names)


def size_of(amounts: Mapping[str, int], names: Names) -> Size:
    """Return the same of amounts that were read already."""
    counted = amounts.get(names.count, 0) if names.count else 0
    gpus = counted or amounts.get(names.milli.name, 0) * names.milli.unit // WHOLE
    gpus = min(gpus, MOST_GPUS)
    memory = amounts.get(names.memory.name, 0) * names.memory.unit
    return Size(gpus=gpus, memory=memory // gpus if gpus else 0)
