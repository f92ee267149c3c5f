"""How near each other a node's GPUs and NICs are, for pods that ask for both.

NodeResourceTopology, where somebody publishes it, says what is free in each NUMA node; the
annotation `rails`, what there is, and which GPUs have a NIC below their own PCIe switch. Worked out
as nodes change, so that a request costs some sums over arrays.

Points are 1 where one NUMA node has all that a pod asks for. Else they are three quarters of the
share of its GPUs that can have a NIC in their NUMA node. Where the rails are known, the share of
GPUs with a sound NIC below their own PCIe switch counts half. A node of which nothing is known has
none, and nothing is held against it.
"""

import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog import wire
from catalog.rails import NodePlaces, parse_rails
from catalog.topology import COMPUTE, PIX, PXB
from scheduler_feedback.gang.quantities import read_amounts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ZONES = 8
"""NUMA nodes that are told apart; further ones are passed over."""
RDMA = ("rdma/",)
"""What the names of resources of RDMA devices begin with."""

_SPLIT = 0.75
_PCIE = 0.5
_SAME = 1e-9
_MOST = 1 << 20
_KEPT = 16
"""Kinds of pods whose points are kept."""
_ZONE = re.compile(r"node-([0-9])")
_NIC = re.compile(r"([^/]+)/[0-9]+")

Room = Mapping[int, tuple[int, int]]
"""NUMA node → GPUs and RDMA devices free in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What is known of one node."""

    zones: tuple[tuple[int, int], ...] = ()
    """GPUs and NICs of each NUMA node; empty where they are not known."""
    beside: float = float("nan")
    """The share of its GPUs with a sound NIC below their own PCIe switch."""


def nics_of(request: Mapping[str, int], rdma: Sequence[str] = RDMA) -> int:
    """Return how many RDMA devices a pod asks for."""
    return sum(amount for name, amount in request.items() if name.startswith(tuple(rdma)))


def read_zones(found: Mapping[str, Any], rdma: Sequence[str] = RDMA) -> Room | None:
    """Return what a NodeResourceTopology says is free; None where it speaks of no GPU."""
    room: dict[int, tuple[int, int]] = {}
    speaks = False
    for zone in _dicts(found.get("zones")):
        number = _ZONE.fullmatch(str(zone.get("name", "")))
        if zone.get("type") != "Node" or number is None or int(number[1]) >= ZONES:
            continue
        listed = _dicts(zone.get("resources"))
        free = read_amounts({str(r.get("name")): r.get("available", 0) for r in listed})
        speaks = speaks or wire.GPU_RESOURCE in free
        room[int(number[1])] = free.get(wire.GPU_RESOURCE, 0), nics_of(free, rdma)
    return room if speaks else None


def _dicts(found: object) -> list[Mapping[str, Any]]:
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def read_layout(
    annotations: Mapping[str, str], room: Room | None, prefix: str = wire.PREFIX
) -> Layout:
    """Return what a node's annotations, and what is free in it, tell together."""
    try:
        places = parse_rails(annotations.get(wire.key(wire.RAILS, prefix)))
        faults = wire.parse_devices(annotations.get(wire.key(wire.DEVICES, prefix)))
    except wire.WireError:
        places, faults = None, ()
    names = (_NIC.fullmatch(fault.name) for fault in faults)
    faulty = {name[1] for name in names if name}
    if places is None:
        return Layout(zones=_filled(room or {}, Counted()))
    counted = _count(places, faulty)
    return Layout(
        zones=_filled(counted.zones if room is None else room, counted if room else Counted()),
        beside=counted.beside,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What the rails of a node tell."""

    zones: Room = field(default_factory=dict)
    faulty: Mapping[int, int] = field(default_factory=dict)
    """NUMA node → NICs in it with a known fault."""
    beside: float = float("nan")


def _count(places: NodePlaces, faulty: set[str]) -> Counted:
    compute = [port for port in places.ports if port.role == COMPUTE]
    sound = [port for port in compute if port.device not in faulty]
    near = {gpu for port in sound if port.affinity in (PIX, PXB) for gpu in port.gpus}
    numa = [*places.gpus, *(port.numa for port in sound)]
    zones = {
        zone: (places.gpus.count(zone), sum(port.numa == zone for port in sound))
        for zone in range(ZONES)
        if zone in numa
    }
    worn = [port.numa for port in compute if port.device in faulty]
    count = len(places.gpus)
    known = count > 0 and any(port.gpus for port in compute)
    return Counted(
        zones=zones,
        faulty={zone: worn.count(zone) for zone in set(worn)},
        beside=len(near & set(range(count))) / count if known else float("nan"),
    )


def _filled(room: Room, counted: Counted) -> tuple[tuple[int, int], ...]:
    """Return a pair for each NUMA node that is told apart; none where nothing is known."""
    if not room:
        return ()
    pairs = (room.get(zone, (0, 0)) for zone in range(ZONES))
    return tuple(
        (min(gpus, _MOST), min(max(nics - counted.faulty.get(zone, 0), 0), _MOST))
        for zone, (gpus, nics) in enumerate(pairs)
    )


def points(zones: Ints, beside: Floats, gpus: int, nics: int) -> Floats:
    """Return the points of nodes for a pod that asks for so many of both; NaN: not known.

    `zones` are nodes by NUMA nodes by GPUs and NICs, below zero where they are not known.
    """
    free_gpus, free_nics = np.maximum(zones[..., 0], 0), np.maximum(zones[..., 1], 0)
    fits = ((free_gpus >= gpus) & (free_nics >= nics)).any(axis=1)
    pairs = np.minimum(free_gpus, free_nics * (gpus / nics)).sum(axis=1)
    numa = np.where(fits, 1.0, _SPLIT * np.minimum(pairs / gpus, 1.0))
    numa = np.where(zones[:, 0, 0] < 0, np.nan, numa)
    both = (1 - _PCIE) * numa + _PCIE * beside
    return np.where(np.isnan(beside), numa, np.where(np.isnan(numa), beside, both))


def points_of(layout: Layout, gpus: int, nics: int) -> float:
    """Return the points of one node."""
    zones = np.array([layout.zones or [(-1, -1)] * ZONES], dtype=np.int64)
    return float(points(zones, np.array([layout.beside]), gpus, nics)[0])


@dataclass(slots=True, kw_only=True)
class _Ranked:
    """The points of every row for one kind of pods."""

    points: Floats
    changed: set[int] = field(default_factory=set)
    """The rows that have changed since."""


class Alignment:
    """What is known of every row of a roster; whoever reads or writes holds the roster's lock."""

    def __init__(self, prefix: str = wire.PREFIX, rdma: Sequence[str] = RDMA) -> None:
        """Begin with no rows."""
        self.rdma = tuple(rdma)
        self._prefix = prefix
        self._room: dict[str, Room] = {}
        self._notes: dict[str, tuple[int, dict[str, str]]] = {}
        self._keys = (wire.key(wire.RAILS, prefix), wire.key(wire.DEVICES, prefix))
        self._ranked: OrderedDict[tuple[int, int], _Ranked] = OrderedDict()
        """By what pods ask for."""
        self._zones: Ints = np.full((0, ZONES, 2), -1, dtype=np.int64)
        self._beside: Floats = np.zeros(0)

    def grow(self, rows: int) -> None:
        """Make room for so many rows."""
        more = rows - len(self._beside)
        unknown = np.full((more, ZONES, 2), -1, dtype=np.int64)
        self._zones = np.concatenate((self._zones, unknown))
        self._beside = np.concatenate((self._beside, np.full(more, np.nan)))
        self._ranked.clear()

    def put(self, row: int, node: Mapping[str, Any]) -> None:
        """Take a Node object; one whose annotations are as before costs next to nothing."""
        name, told = node["metadata"]["name"], node["metadata"].get("annotations") or {}
        notes = {key: told[key] for key in self._keys if key in told}
        if self._notes.get(name) != (row, notes):
            self._notes[name] = row, notes
            self._work_out(name)

    def drop(self, row: int, name: str) -> None:
        """Take note that a node is gone."""
        self._notes.pop(name, None)
        self._zones[row], self._beside[row] = -1, np.nan
        self._touch(row)

    def set_room(self, name: str, room: Room | None) -> None:
        """Take note of what is free in a node; None where nobody says any more."""
        if self._room.get(name) == room:
            return
        if room is None:
            self._room.pop(name, None)
        else:
            self._room[name] = room
        if name in self._notes:
            self._work_out(name)

    def told_of(self) -> set[str]:
        """Return the nodes of which somebody says what is free."""
        return set(self._room)

    def _work_out(self, name: str) -> None:
        row, notes = self._notes[name]
        layout = read_layout(notes, self._room.get(name), self._prefix)
        self._zones[row] = np.array(layout.zones) if layout.zones else -1
        self._beside[row] = layout.beside
        self._touch(row)

    def _touch(self, row: int) -> None:
        for ranked in self._ranked.values():
            ranked.changed.add(row)

    def preferred(self, rows: Ints, gpus: int, nics: int, weight: float) -> Ints:
        """Return where in `rows` those stand that are near enough to the best one, or not known."""
        found = self._points(gpus, nics)[rows]
        known = ~np.isnan(found)
        least = found[known].max(initial=0.0) - (1 - weight) - _SAME
        return np.flatnonzero(~known | (found >= least))

    def _points(self, gpus: int, nics: int) -> Floats:
        """Return the points of every row, worked out anew only where something has changed."""
        ranked = self._ranked.get((gpus, nics))
        if ranked is None:
            made = points(self._zones, self._beside, gpus, nics)
            ranked = self._ranked[gpus, nics] = _Ranked(points=made)
        elif ranked.changed:
            rows = np.fromiter(ranked.changed, dtype=np.int64)
            ranked.points[rows] = points(self._zones[rows], self._beside[rows], gpus, nics)
            ranked.changed.clear()
        self._ranked.move_to_end((gpus, nics))
        while len(self._ranked) > _KEPT:
            self._ranked.popitem(last=False)
        return ranked.points


class Zones:
    """A Store of NodeResourceTopologies, which feeds an alignment."""

    def __init__(self, alignment: Alignment, lock: Any) -> None:
        """Write under the roster's lock."""
        self._alignment = alignment
        self._lock = lock

    def replace(self, objects: Iterable[Mapping[str, Any]]) -> None:
        """Take a complete list for the whole truth."""
        found = {
            each["metadata"]["name"]: read_zones(each, self._alignment.rdma) for each in objects
        }
        with self._lock:
            for name in self._alignment.told_of() - found.keys():
                self._alignment.set_room(name, None)
            for name, room in found.items():
                self._alignment.set_room(name, room)

    def put(self, item: Mapping[str, Any]) -> None:
        """Take one that was added or modified."""
        room = read_zones(item, self._alignment.rdma)
        with self._lock:
            self._alignment.set_room(item["metadata"]["name"], room)

    def drop(self, item: Mapping[str, Any]) -> None:
        """Take note that one was deleted."""
        with self._lock:
            self._alignment.set_room(item["metadata"]["name"], None)

    def vouch(self) -> None:
        """Nothing here grows too old: what was free a while ago is a hint all the same."""
