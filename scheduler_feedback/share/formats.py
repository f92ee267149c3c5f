"""How device plugins of others are told which GPUs a pod has: annotations beside our own.

What we read back is always our own annotation; theirs are written for whoever hands the GPU out on
the node. Where a pod has only theirs, placed by their own scheduler, it is read as far as an index
stands in it: HAMi names GPUs by uuid, so such a pod counts against each GPU of its node.

Sources: gpushare-scheduler-extender pkg/utils; Volcano docs/design/device-mgpu and
pkg/scheduler/api/devices/nvidia/mgpu; HAMi docs/develop/protocol.md.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scheduler_feedback.gang.quantities import read_amounts, read_request
from scheduler_feedback.share.assignment import (
    AssignmentError,
    Part,
    dump_assignment,
    parse_assignment,
)
from scheduler_feedback.share.names import GPUSHARE, HAMI, MGPU, WHOLE, Ask, Names, Size

_ALIYUN = "ALIYUN_COM_GPU_MEM_"
_VKE = "vke.volcengine.com/"
_VKE_INDEX = f"{_VKE}gpu-index-container-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A pod that is bound to a node, and what it gets there."""

    pod: Mapping[str, Any]
    node: str
    size: Size
    parts: tuple[Part, ...]
    at: float
    """Unix seconds."""


class GrantError(Exception):
    """What a pod gets cannot be said in the format; the message says why."""


def notes_of(grant: Grant, names: Names) -> dict[str, str]:
    """Return the annotations that a pod is bound with; GrantError."""
    return {names.annotation: dump_assignment(grant.parts)} | _foreign(grant, names)


def _foreign(grant: Grant, names: Names) -> dict[str, str]:
    if names.preset == GPUSHARE:
        return _gpushare(grant, names)
    if names.preset == MGPU:
        return _mgpu(grant, names)
    return _hami(grant) if names.preset == HAMI else {}


def read_parts(notes: Mapping[str, str], ask: Ask, names: Names) -> tuple[Part, ...]:
    """Return the GPUs that a pod's annotations name; AssignmentError where they name none."""
    if names.annotation in notes:
        return parse_assignment(notes[names.annotation])
    if names.preset == GPUSHARE:
        found = [notes.get(f"{_ALIYUN}IDX", "")]
    elif names.preset == MGPU:
        found = [i for k, v in notes.items() if k.startswith(_VKE_INDEX) for i in v.split(",")]
    else:
        found = []
    if not found or not all(text.isascii() and text.isdigit() for text in found):
        raise AssignmentError("no annotation names the pod's GPUs")
    gpus = sorted({int(text[:3]) for text in found})
    return tuple(Part(gpu=gpu, milli=ask.milli, memory=ask.memory) for gpu in gpus)


def _gpushare(grant: Grant, names: Names) -> dict[str, str]:
    """Its plugin looks for a pod with this memory that is assumed and not yet assigned."""
    if len(grant.parts) != 1:
        raise GrantError("gpushare gives a pod a share of one GPU, not of several")
    asked = read_request(grant.pod.get("spec") or {}).get(names.memory.name, 0)
    return {
        f"{_ALIYUN}IDX": str(grant.parts[0].gpu),
        f"{_ALIYUN}DEV": str(grant.size.memory // names.memory.unit),
        f"{_ALIYUN}POD": str(asked),
        f"{_ALIYUN}ASSIGNED": "false",
        f"{_ALIYUN}ASSUME_TIME": str(int(grant.at * 1e9)),
    }


def _mgpu(grant: Grant, names: Names) -> dict[str, str]:
    """Each container is told its GPUs by index, one after the other filled in their order."""
    notes = {f"{_VKE}assumed": "true"}
    begins = 0
    for container, asked in _containers(grant.pod):
        milli = asked.get(names.milli.name, 0) * names.milli.unit
        if not milli and not asked.get(names.memory.name):
            continue
        ends = begins + milli
        gpus = grant.parts[begins // WHOLE : max(-(-ends // WHOLE), begins // WHOLE + 1)]
        notes[f"{_VKE_INDEX}{container}"] = ",".join(str(part.gpu) for part in gpus)
        begins = ends
    return notes


def _hami(grant: Grant) -> dict[str, str]:
    """Its plugin takes the GPUs, by uuid, of a pod on its node that is being allocated."""
    if any(part.gpu >= len(grant.size.uuids) for part in grant.parts):
        raise GrantError("the node does not say which uuid its GPUs have")
    told = "".join(
        f"{grant.size.uuids[part.gpu]},NVIDIA,{part.memory},{part.milli // 10}:"
        for part in grant.parts
    )
    containers = [asked for _, asked in _containers(grant.pod)]
    sharing = ["nvidia.com/gpu" in asked for asked in containers]
    if sum(sharing) != 1:
        raise GrantError("of a pod's containers just one may ask for shared GPUs")
    devices = "".join(f"{told if shares else ''};" for shares in sharing)
    moment = str(int(grant.at))
    return {
        "hami.io/vgpu-node": grant.node,
        "hami.io/vgpu-time": moment,
        "hami.io/vgpu-devices-to-allocate": devices,
        "hami.io/vgpu-devices-allocated": devices,
        "hami.io/bind-phase": "allocating",
        "hami.io/bind-time": moment,
    }


def _containers(pod: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, int]]]:
    containers: Sequence[Mapping[str, Any]] = (pod.get("spec") or {}).get("containers") or ()
    for container in containers:
        resources = container.get("resources") or {}
        asked = {**(resources.get("requests") or {}), **(resources.get("limits") or {})}
        yield container.get("name", ""), read_amounts(asked)
