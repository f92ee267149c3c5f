"""The devices that ResourceSlices name, by the GPU's uuid: what is kept of them by a watch."""

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from health_bridge.decision.fencing import Device
from program.watch import Object

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """One ResourceSlice of a node: device names, by uuid, of those that tell one."""

    node: str
    driver: str
    pool: str
    generation: int
    devices: tuple[tuple[str, str], ...]
    split: frozenset[str] = frozenset()
    """GPUs, by uuid, of which parts are devices too: fencing one device does not fence the GPU."""


class Slices:
    """Every node's slices. Safe to use from several threads."""

    def __init__(self, changed: Callable[[], None]) -> None:
        """Start empty; `changed` is called when a node that was asked for has other devices."""
        self._changed = changed
        self._lock = threading.Lock()
        self._kept: dict[str, Slice] = {}
        self._nodes: defaultdict[str, set[str]] = defaultdict(set)
        self._asked: frozenset[str] = frozenset()

    def replace(self, objects: Iterable[Object]) -> None:
        """Take a complete list of ResourceSlices for the whole truth."""
        listed = {each["metadata"]["name"]: read_slice(each) for each in objects}
        with self._lock:
            for name in {*self._kept, *listed}:
                self._set(name, listed.get(name))

    def put(self, item: Object) -> None:
        """Take a ResourceSlice that was added or modified."""
        with self._lock:
            self._set(item["metadata"]["name"], read_slice(item))

    def drop(self, item: Object) -> None:
        """Take note that a ResourceSlice was deleted."""
        with self._lock:
            self._set(item["metadata"]["name"], None)

    def devices(self, nodes: frozenset[str]) -> dict[tuple[str, str], Device]:
        """Return (node, uuid) → device of these nodes; of a change there is word from now on."""
        with self._lock:
            self._asked = nodes
            return {
                (node, uuid): device
                for node in nodes & self._nodes.keys()
                for uuid, device in newest(self._kept[name] for name in self._nodes[node])
            }

    def _set(self, name: str, told: Slice | None) -> None:
        known = self._kept.pop(name, None)
        if known is not None:
            self._nodes[known.node].discard(name)
            if not self._nodes[known.node]:
                del self._nodes[known.node]
        if told is not None and told.node:
            self._kept[name] = told
            self._nodes[told.node].add(name)
        if known != told and any(each and each.node in self._asked for each in (known, told)):
            self._changed()


def newest(slices: Iterable[Slice]) -> Iterator[tuple[str, Device]]:
    """Yield the device of each GPU that is just one, by its uuid.

    Of a pool only its newest generation counts.
    """
    kept = list(slices)
    last: dict[tuple[str, str], int] = {}
    for each in kept:
        pool = each.driver, each.pool
        last[pool] = max(each.generation, last.get(pool, 0))
    told = [each for each in kept if each.generation == last[each.driver, each.pool]]
    devices = Counter(uuid for each in told for uuid, _ in each.devices)
    split = frozenset().union(*(each.split for each in told))
    for each in told:
        for uuid, name in each.devices:
            if devices[uuid] == 1 and uuid not in split:
                yield uuid, Device(driver=each.driver, pool=each.pool, name=name)


def read_slice(document: Document) -> Slice:
    """Return what a ResourceSlice of any version says."""
    spec = document.get("spec") or {}
    pool = spec.get("pool") or {}
    return Slice(
        node=spec.get("nodeName") or "",
        driver=spec.get("driver", ""),
        pool=pool.get("name", ""),
        generation=int(pool.get("generation") or 0),
        devices=tuple(
            (uuid, device["name"])
            for device in spec.get("devices") or []
            if (uuid := _told(device, "uuid")) and device.get("name")
        ),
        split=frozenset(filter(None, map(_split, spec.get("devices") or []))),
    )


def _split(device: Document) -> str:
    """Return the uuid of the GPU that a device shows to be given out in parts; else empty.

    A MIG device names its parent. What draws on counters shares them with partitions yet to be.
    """
    shares = device.get("consumesCounters") or (device.get("basic") or {}).get("consumesCounters")
    return _told(device, "parentUUID") or (_told(device, "uuid") if shares else "")


def _told(device: Document, attribute: str) -> str:
    """Return a text attribute, empty where there is none; before v1beta2 they were in `basic`."""
    told = device.get("attributes") or (device.get("basic") or {}).get("attributes") or {}
    for name, value in told.items():
        if name.rpartition("/")[2] == attribute:
            return str(value.get("string") or "")
    return ""
