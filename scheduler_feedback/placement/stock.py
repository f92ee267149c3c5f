"""What pods have taken of every node, as far as the watches have shown it, and gangs' places.

A pod that was bound a moment ago counts at once (`assume`), until the watch shows it or so long has
passed that it should have. A row is worked out anew when it is asked about, not at each event.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from catalog import wire
from scheduler_feedback.gang.fleet import Ints
from scheduler_feedback.gang.quantities import read_request
from scheduler_feedback.phase import has_ended
from scheduler_feedback.placement.capacity import WHOLE, Rows, Shape
from scheduler_feedback.placement.fragmentation import Likely
from scheduler_feedback.placement.roster import Roster
from scheduler_feedback.share.assignment import Part
from scheduler_feedback.share.gpus import Use, left, use_of
from scheduler_feedback.share.names import MOST_GPUS, AskError, Names, ask_of

_ASSUMED_FOR = 30.0
_LEARN_EVERY = 600.0
_COVERED = 0.9
_MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A pod on a node."""

    node: str
    shape: Shape
    use: Use | None
    gang: str
    """Namespace and gang; empty where it is of none."""


class Stock:
    """A Store of pods, beside the roster of nodes."""

    def __init__(
        self,
        roster: Roster,
        names: Names,
        *,
        stale_after: float,
        prefix: str = wire.PREFIX,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin empty, and not fresh."""
        self.roster = roster
        self._names = names
        self._stale_after = stale_after
        self._gang = wire.key(wire.GANG, prefix)
        self._clock = clock
        self._pods: dict[str, Placed] = {}
        self._on: dict[str, dict[str, Placed]] = {}
        self._gangs: dict[str, dict[str, str]] = {}
        self._assumed: OrderedDict[str, float] = OrderedDict()
        self._dirty: set[str] = set()
        self._shapes: dict[Shape, Shape] = {}
        self._likely: Likely | None = None
        self._learnt_at = -_LEARN_EVERY
        self._vouched_at: float | None = None
        self._free = _free(roster.capacity)
        self._seen = 0

    @property
    def fresh(self) -> bool:
        """Whether the state is complete and young enough to rank by."""
        at = self._vouched_at
        return at is not None and self._clock() - at <= self._stale_after

    def replace(self, pods: Iterable[Mapping[str, Any]]) -> None:
        """Take a complete list of Pod objects for the whole truth."""
        found = {}
        for pod in pods:
            placed = self._read(pod)
            if placed is not None:
                found[pod["metadata"]["uid"]] = placed
        with self.roster.lock:
            for uid in [uid for uid in self._pods if uid not in found and uid not in self._assumed]:
                self._remove(uid)
            for uid, placed in found.items():
                self._add(uid, placed)
        self.vouch()

    def put(self, pod: Mapping[str, Any]) -> None:
        """Take a Pod object that was added or modified."""
        placed, uid = self._read(pod), pod["metadata"]["uid"]
        with self.roster.lock:
            if placed is not None:
                self._add(uid, placed)
            elif has_ended(pod) or uid not in self._assumed:
                self._remove(uid)

    def drop(self, pod: Mapping[str, Any]) -> None:
        """Take note that a Pod object was deleted."""
        with self.roster.lock:
            self._remove(pod["metadata"]["uid"])

    def vouch(self) -> None:
        """Take note that the kube-apiserver stands behind this state now."""
        self._vouched_at = self._clock()

    def assume(self, pod: Mapping[str, Any], node: str, parts: Sequence[Part]) -> None:
        """Count a pod that was bound a moment ago."""
        uid = pod["metadata"]["uid"]
        placed = self._placed(pod, node, Use(parts=tuple(parts)) if parts else None)
        with self.roster.lock:
            if uid not in self._pods:
                self._add(uid, placed)
                self._assumed[uid] = self._clock()

    def _read(self, pod: Mapping[str, Any]) -> Placed | None:
        node = (pod.get("spec") or {}).get("nodeName")
        if not node or has_ended(pod):
            return None
        return self._placed(pod, node, None)

    def _placed(self, pod: Mapping[str, Any], node: str, use: Use | None) -> Placed:
        meta, request = pod["metadata"], read_request(pod.get("spec") or {})
        notes = meta.get("annotations") or {}
        gang = (meta.get("labels") or {}).get(self._gang)
        shape = shape_of(request, self._names)
        return Placed(
            node=node,
            shape=self._shapes.setdefault(shape, shape),
            use=use or use_of(request, notes, self._names),
            gang=f"{meta.get('namespace', '')}/{gang}" if gang else "",
        )

    def _add(self, uid: str, placed: Placed) -> None:
        self._assumed.pop(uid, None)
        if self._pods.get(uid) == placed:
            return
        self._remove(uid)
        self._pods[uid] = placed
        self._on.setdefault(placed.node, {})[uid] = placed
        self._dirty.add(placed.node)
        if placed.gang:
            self._gangs.setdefault(placed.gang, {})[uid] = placed.node

    def _remove(self, uid: str) -> None:
        self._assumed.pop(uid, None)
        placed = self._pods.pop(uid, None)
        if placed is None:
            return
        self._dirty.add(placed.node)
        _take(self._on, placed.node, uid)
        _take(self._gangs, placed.gang, uid)

    def gang_rows(self, gang: str) -> list[int]:
        """Return the row of each pod of a gang that has a node."""
        at = self.roster.at
        return [at[node] for node in self._gangs.get(gang, {}).values() if node in at]

    def uses(self, node: str, without: frozenset[str]) -> list[Use]:
        """Return what the pods on a node have of its shared GPUs, some of them left out."""
        on = self._on.get(node, {})
        return [placed.use for uid, placed in on.items() if placed.use and uid not in without]

    def free(self) -> "Free":
        """Return what is free on every row; the roster's lock is held, and the arrays are ours."""
        while self._assumed:
            uid, since = next(iter(self._assumed.items()))
            if self._clock() - since <= _ASSUMED_FOR:
                break
            self._remove(uid)
        roster = self.roster
        if len(self._free.cpu) < roster.capacity:
            self._free, self._seen = _free(roster.capacity), 0
        for node in self._dirty & roster.at.keys():
            roster.touch(roster.at[node])
        self._dirty.clear()
        for row in np.flatnonzero(roster.changed > self._seen).tolist():
            self._refresh(row)
        self._seen = roster.version
        return self._free

    def _refresh(self, row: int) -> None:
        roster, free = self.roster, self._free
        health = roster.health[row]
        placed = list(self._on.get(health.name, {}).values()) if health else []
        free.cpu[row] = roster.cpu[row] - sum(p.shape.cpu for p in placed)
        free.memory[row] = roster.memory[row] - sum(p.shape.memory for p in placed)
        free.gpu[row] = 0
        size = roster.size[row]
        if size.gpus:
            room = left(size, [p.use for p in placed if p.use], roster.faulty[row])
            free.gpu[row, : size.gpus] = np.maximum(room.milli, 0)
            free.mib[row, : size.gpus] = room.memory
            free.mib[row, size.gpus :] = -1
            free.gpus[row] = size.gpus
            return
        taken = sum(p.shape.gpus for p in placed)
        free.mib[row] = -1
        free.gpu[row, : max(int(roster.gpus[row]) - taken, 0)] = WHOLE
        free.gpus[row] = roster.gpus[row]

    @property
    def likely(self) -> Likely | None:
        """The pods to expect, learnt from those that are there; None where no GPU is asked for."""
        now = self._clock()
        if now - self._learnt_at >= _LEARN_EVERY or (self._likely is None and self._pods):
            with self.roster.lock:
                shapes = [p.shape for p in self._pods.values() if p.shape.gpus]
            self._likely = Likely.of(shapes, _COVERED) if shapes else None
            self._learnt_at = now
        return self._likely


@dataclass(frozen=True, slots=True, kw_only=True)
class Free(Rows):
    """The free resources of all rows, GPU memory with them."""

    mib: Ints
    """Nodes by GPUs; below zero where there is no shared GPU, or a faulty one."""


def _free(rows: int) -> Free:
    return Free(
        cpu=np.zeros(rows, dtype=np.int64),
        memory=np.zeros(rows, dtype=np.int64),
        gpu=np.zeros((rows, MOST_GPUS), dtype=np.int64),
        gpus=np.zeros(rows, dtype=np.int64),
        mib=np.full((rows, MOST_GPUS), -1, dtype=np.int64),
    )


def _take(of: dict[str, dict[str, Any]], key: str, uid: str) -> None:
    inner = of.get(key)
    if inner is not None:
        inner.pop(uid, None)
        if not inner:
            del of[key]


def shape_of(request: Mapping[str, int], names: Names) -> Shape:
    """Return what a pod asks for as the policies see it."""
    cpu, memory = request.get("cpu", 0), request.get("memory", 0) // _MIB
    try:
        ask = ask_of(request, names)
    except AskError:
        ask = None
    if ask is not None:
        return Shape(cpu=cpu, memory=memory, gpus=ask.gpus, share=ask.milli)
    return Shape(cpu=cpu, memory=memory, gpus=request.get(wire.GPU_RESOURCE, 0))
