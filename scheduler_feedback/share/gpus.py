"""What is left of each GPU of one node, and which of them a pod gets. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from catalog import wire
from catalog.verdicts import Verdict
from scheduler_feedback.gang.quantities import read_request
from scheduler_feedback.phase import has_ended
from scheduler_feedback.placement.capacity import Rows, Shape
from scheduler_feedback.placement.fragmentation import Likely
from scheduler_feedback.placement.policies import fragmentation_aware
from scheduler_feedback.share.assignment import AssignmentError, Part
from scheduler_feedback.share.formats import read_parts
from scheduler_feedback.share.names import WHOLE, Ask, AskError, Names, Size, ask_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What one pod has of its node's shared GPUs."""

    parts: tuple[Part, ...] = ()
    anywhere: Ask | None = None
    """What it asks for where nobody says which GPUs it has: it counts against each of them."""
    whole: bool = False
    """It has GPUs from the ordinary device plugin, and nobody says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Faulty:
    """The GPUs of a node that are not to be given out."""

    barred: frozenset[int] = frozenset()
    """With an applied fault that keeps pods off."""
    worn: frozenset[int] = frozenset()
    """With another fault: given out when no other GPU has room."""
    unknown: bool = False
    """A barred GPU's index is not known, so that it could be any."""


@dataclass(slots=True, kw_only=True)
class Left:
    """What is left of a node's GPUs, by index."""

    milli: list[int]
    memory: list[int]

    def has(self, gpu: int, ask: Ask) -> bool:
        """Whether a GPU has room for one part of what a pod asks."""
        return self.milli[gpu] >= ask.milli and self.memory[gpu] >= ask.memory


def read_use(pod: Mapping[str, Any], names: Names) -> Use | None:
    """Return what a bound pod has; None where that is nothing, or it has ended."""
    if has_ended(pod):
        return None
    annotations = pod["metadata"].get("annotations") or {}
    return use_of(read_request(pod.get("spec") or {}), annotations, names)


def use_of(request: Mapping[str, int], notes: Mapping[str, str], names: Names) -> Use | None:
    """Return the same of a request that was read already.

    What the annotations say counts as far as it covers the request; a pod may have written it
    itself, and no GPU is given out twice for that.
    """
    try:
        ask = ask_of(request, names)
    except AskError:
        ask = Ask(gpus=1, milli=WHOLE, memory=0)
    if ask is None:
        whole = request.get(wire.GPU_RESOURCE, 0) > 0
        return Use(whole=True) if whole else None
    try:
        parts = read_parts(notes, ask, names)
    except AssignmentError:
        return Use(anywhere=ask)
    covered = len(parts) >= ask.gpus and all(
        part.milli >= ask.milli and part.memory >= ask.memory for part in parts
    )
    return Use(parts=parts) if covered else Use(anywhere=ask)


def read_faulty(node: Mapping[str, Any], prefix: str = wire.PREFIX) -> Faulty:
    """Return the GPUs of a Node object that are not to be given out.

    The devices annotation knows a GPU by uuid; its index is in the name it shows for it.
    """
    annotations = node["metadata"].get("annotations") or {}
    try:
        faults = wire.parse_devices(annotations.get(wire.key(wire.DEVICES, prefix)))
    except wire.WireError:
        return Faulty(unknown=True)
    barred: set[int] = set()
    worn: set[int] = set()
    unknown = False
    for fault in faults:
        if not fault.condition.startswith("Gpu") or fault.device == wire.NODE:
            continue
        bars = fault.action == wire.ACTIONS[0] and fault.verdict in _BARRING
        index = wire.gpu_index(fault.name)
        if index is not None:
            (barred if bars else worn).add(index)
        elif bars:
            unknown = True
    return Faulty(barred=frozenset(barred), worn=frozenset(worn), unknown=unknown)


_BARRING = (Verdict.CORDON.label, Verdict.DRAIN.label)


def left(size: Size, uses: Iterable[Use], faulty: Faulty) -> Left:
    """Return what is left of a node's GPUs; below zero where more was given out than there is."""
    found = Left(milli=[WHOLE] * size.gpus, memory=[size.memory] * size.gpus)
    for use in uses:
        if use.whole:
            return _nothing(size)
        for part in _parts(use, size):
            found.milli[part.gpu] -= part.milli
            found.memory[part.gpu] -= part.memory
    barred = range(size.gpus) if faulty.unknown else faulty.barred
    for gpu in barred:
        if gpu < size.gpus:
            found.milli[gpu] = found.memory[gpu] = -1
    return found


def _parts(use: Use, size: Size) -> list[Part]:
    """Return what a pod has of each GPU; of all the same where nobody says which it has."""
    ask = use.anywhere
    if ask is None:
        return [part for part in use.parts if part.gpu < size.gpus]
    return [Part(gpu=gpu, milli=ask.milli, memory=ask.memory) for gpu in range(size.gpus)]


def _nothing(size: Size) -> Left:
    return Left(milli=[-1] * size.gpus, memory=[-1] * size.gpus)


def choose(
    room: Left, ask: Ask, worn: frozenset[int] = frozenset(), likely: Likely | None = None
) -> tuple[Part, ...]:
    """Return the parts that a pod gets; none where there is no room for it."""
    fits = [gpu for gpu in range(len(room.milli)) if room.has(gpu, ask)]
    sound = [gpu for gpu in fits if gpu not in worn]
    able = sound if len(sound) >= ask.gpus else [*sound, *(g for g in fits if g in worn)]
    if len(able) < ask.gpus:
        return ()
    first = able[: ask.gpus] if ask.gpus > 1 else [_best(room, ask, able, likely)]
    return tuple(Part(gpu=gpu, milli=ask.milli, memory=ask.memory) for gpu in first)


def _best(room: Left, ask: Ask, able: Sequence[int], likely: Likely | None) -> int:
    """Return the GPU on which least is lost to the pods to come; the tightest where it is equal."""
    if likely is None or not 0 < ask.milli < WHOLE:
        return min(able, key=lambda gpu: (room.milli[gpu], room.memory[gpu], gpu))
    gpu = np.array([[room.milli[g] if g in able else 0 for g in range(len(room.milli))]])
    ample = np.array([_AMPLE])
    rows = Rows(cpu=ample, memory=ample, gpu=gpu, gpus=np.array([len(room.milli)]))
    shape = Shape(cpu=0, memory=0, gpus=1, share=ask.milli)
    return int(fragmentation_aware(likely)(rows, shape).gpu[0])


_AMPLE = 1 << 40
"""CPU and memory do not decide between the GPUs of one node."""
