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
_MOST_MEMORY = 1 << 40
"""MiB; more is more than any GPU has, and as far out of reach."""
HAMI_MEMORY = "nvidia.com/gpumem"
_REGISTER = "hami.io/node-nvidia-register"
_MEMORY = 2
"""Which field of a registered GPU is its memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A resource of nodes and pods; one of it is `unit` milli-GPU, or MiB."""

    name: str
    unit: int = 1


PRESETS = ("railwatch", "gpushare", "mgpu", "hami")
OURS, GPUSHARE, MGPU, HAMI = PRESETS
"""Whose device plugin hands the GPUs out: ours, Alibaba's, Volcano Engine's, HAMi's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The names that a cluster uses."""

    milli: Resource = Resource(name=wire.key(wire.GPU_MILLI))
    memory: Resource = Resource(name=wire.key(wire.GPU_MEMORY))
    count: str = ""
    """Resource of a node that says how many GPUs it shares; empty: as many as make up its milli."""
    annotation: str = wire.key(wire.GPU_ASSIGNMENT)
    preset: str = OURS
    """How device plugins are told what a pod has, beside the annotation."""


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
    uuids: tuple[str, ...] = ()
    """Of each, where the node says them."""


class AskError(ValueError):
    """What a pod asks of shared GPUs cannot be had anywhere; the message says why."""


def read_ask(spec: Mapping[str, Any], names: Names) -> Ask | None:
    """Return what a pod's spec asks of shared GPUs, None where it asks for none; AskError."""
    return ask_of(read_request(spec), names)


def ask_of(request: Mapping[str, int], names: Names) -> Ask | None:
    """Return the same of a request that was read already."""
    milli = request.get(names.milli.name, 0) * names.milli.unit
    memory = min(request.get(names.memory.name, 0) * names.memory.unit, _MOST_MEMORY)
    if not milli and not memory:
        return None
    if names.preset == HAMI:
        return _ask_of_each(request, milli, memory)
    gpus, rest = divmod(milli, WHOLE)
    if gpus and rest:
        raise AskError(f"{names.milli.name}: more than one GPU must be whole GPUs, not {milli}")
    if gpus > MOST_GPUS:
        raise AskError(f"{names.milli.name}: {gpus} GPUs, and no node has more than {MOST_GPUS}")
    if not gpus:
        return Ask(gpus=1, milli=milli, memory=memory)
    return Ask(gpus=gpus, milli=WHOLE, memory=-(-memory // gpus))


def _ask_of_each(request: Mapping[str, int], milli: int, memory: int) -> Ask:
    """Return what a pod asks where its amounts are those of each GPU, as HAMi has it."""
    gpus = request.get(wire.GPU_RESOURCE, 0)
    if not 0 < gpus <= MOST_GPUS or milli > WHOLE:
        raise AskError(f"{wire.GPU_RESOURCE}: {gpus} GPUs of {milli} thousandths each")
    if not memory:
        raise AskError(f"{HAMI_MEMORY}: a share without its memory could take any other's")
    return Ask(gpus=gpus, milli=milli, memory=memory)


def read_size(node: Mapping[str, Any], names: Names) -> Size:
    """Return what a Node object has to share; no GPUs where it shares none."""
    return size_of(node, read_amounts((node.get("status") or {}).get("allocatable")), names)


def size_of(node: Mapping[str, Any], amounts: Mapping[str, int], names: Names) -> Size:
    """Return the same where the amounts that can be allocated were read already."""
    if names.preset == HAMI:
        return _registered((node["metadata"].get("annotations") or {}).get(_REGISTER, ""))
    return _counted(amounts, names)


def _registered(text: str) -> Size:
    """Return the GPUs that HAMi's device plugin registers.

    Each is nine fields: uuid, shares, MiB, core, kind, NUMA, whether it is well, index, mode; the
    smallest memory counts for all. Whether they are well the bridge tells.
    """
    devices = [entry.split(",") for entry in text.split(":") if entry][:MOST_GPUS]
    if not all(len(fields) > _MEMORY and fields[_MEMORY].isdecimal() for fields in devices):
        return Size(gpus=0, memory=0)
    return Size(
        gpus=len(devices),
        memory=min((int(fields[_MEMORY][:9]) for fields in devices), default=0),
        uuids=tuple(fields[0] for fields in devices),
    )


def _counted(amounts: Mapping[str, int], names: Names) -> Size:
    counted = amounts.get(names.count, 0) if names.count else 0
    gpus = counted or amounts.get(names.milli.name, 0) * names.milli.unit // WHOLE
    gpus = min(gpus, MOST_GPUS)
    memory = amounts.get(names.memory.name, 0) * names.memory.unit
    return Size(gpus=gpus, memory=memory // gpus if gpus else 0)


_BY_PRESET = {
    GPUSHARE: Names(
        memory=Resource(name="aliyun.com/gpu-mem", unit=1024),
        count="aliyun.com/gpu-count",
        preset=GPUSHARE,
    ),
    MGPU: Names(
        milli=Resource(name="vke.volcengine.com/mgpu-core", unit=10),
        memory=Resource(name="vke.volcengine.com/mgpu-memory"),
        preset=MGPU,
    ),
    HAMI: Names(
        milli=Resource(name="nvidia.com/gpucores", unit=10),
        memory=Resource(name=HAMI_MEMORY),
        preset=HAMI,
    ),
}


OUR_NAMES = Names()


def names_of(preset: str) -> Names:
    """Return the names that a preset stands for."""
    return _BY_PRESET.get(preset, OUR_NAMES)
