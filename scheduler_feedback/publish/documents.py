"""The documents of exporters and fabric collectors, read with suspicion.

Whoever answers on a node's port may say anything; what is not as documented costs that document
alone. Unknown fields are passed over, so that an older reader survives a newer writer.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from catalog.rails import MOST_GPUS, MOST_PORTS
from catalog.topology import AFFINITIES, ROLES, UNKNOWN, VERSION

_LONGEST = 128
_MOST_SWITCHES, _MOST_HCAS, _MOST_LINKS = 20_000, 200_000, 1_000_000
_FABRIC_VERSION = 1
_MOST_TIERS = 8


class DocumentError(ValueError):
    """A document is not what it should be; the message names the field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """One RDMA port of a node; what is not known is empty, or -1."""

    device: str
    port: str
    guid: str
    role: str
    numa: int
    rail: int = -1
    leaf: str = ""
    """By LLDP."""
    miscabled: bool = False
    gpus: tuple[int, ...] = ()
    """The GPUs that it is nearest to, by index."""
    affinity: str = ""
    active: bool = True
    """False where it is said to be down: then nobody hears its leaf, and it may be the leaf."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeDocument:
    """What an exporter says of its node."""

    gpus: tuple[int, ...]
    """The NUMA node of each GPU, by index."""
    ports: tuple[Port, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """A switch of a fabric."""

    guid: str
    name: str
    tier: int
    """-1 where no way leads to a node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FabricDocument:
    """What a fabric collector says."""

    switches: Mapping[str, Switch]
    """By GUID."""
    leaves: Mapping[str, str]
    """HCA port's GUID → its leaf's."""
    named: Mapping[tuple[str, str], str]
    """Host and device as the HCA's description names them → its GUID; where it is one only."""
    miscabled: frozenset[str]
    """GUIDs of HCA ports on the wrong leaf."""
    links: frozenset[tuple[str, str]]
    """Switches by GUID that are linked, each pair once and in order."""
    complete: bool


def read_node(body: bytes) -> NodeDocument:
    """Return what an exporter's document says; DocumentError where it is none."""
    document = _object(body)
    if document.get("version") != VERSION or "rails" not in document:
        raise DocumentError("not a topology document of a version that is known")
    gpus = [_gpu(each) for each in _list(document, "gpus", MOST_GPUS)]
    numa = dict(sorted((index, numa) for index, numa, _ in gpus))
    nearest = [(index, near) for index, _, near in gpus]
    rails = {(rail["device"], rail["port"]): rail for rail in map(_rail, _rails(document))}
    ports = [
        _port(nic, port, rails, nearest)
        for nic in _list(document, "nics", MOST_PORTS)
        for port in _list(nic, "ports", MOST_PORTS)
        if port.get("device")
    ]
    if len(ports) > MOST_PORTS or len({(p.device, p.port) for p in ports}) < len(ports):
        raise DocumentError("nics: too many ports, or one of them twice")
    return NodeDocument(
        gpus=tuple(numa.get(index, -1) for index in range(max(numa, default=-1) + 1)),
        ports=tuple(sorted(ports, key=lambda p: (p.rail < 0, p.rail, p.device, p.port))),
    )


def _rails(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from _list(document, "rails", MOST_PORTS)


def _gpu(each: Mapping[str, Any]) -> tuple[int, int, tuple[str, tuple[str, ...]]]:
    """Return index and NUMA node of a GPU, and how near which NICs are."""
    nearest = each.get("nearest") or []
    if not isinstance(nearest, list) or not all(isinstance(name, str) for name in nearest):
        raise DocumentError("gpus: nearest is not a list of names")
    affinity = _text(each, "affinity")
    index = _whole(each, "index", MOST_GPUS)
    if index < 0:
        raise DocumentError("gpus: one has no index")
    return index, _whole(each, "numa_node", 1024), (affinity, tuple(nearest[:MOST_PORTS]))


def _rail(each: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "rail": _whole(each, "rail", MOST_PORTS),
        "device": _text(each, "device"),
        "port": _text(each, "port"),
        "leaf": _text(each, "leaf"),
        "miscabled": each.get("miscabled") is True,
    }


def _port(
    nic: Mapping[str, Any],
    port: Mapping[str, Any],
    rails: Mapping[tuple[str, str], Mapping[str, Any]],
    nearest: list[tuple[int, tuple[str, tuple[str, ...]]]],
) -> Port:
    device, number, name = _text(port, "device"), _text(port, "port"), _text(nic, "name")
    rail = rails.get((device, number), {})
    role = _text(nic, "role")
    near = [(index, kind) for index, (kind, names) in nearest if name in names]
    kinds = {kind for _, kind in near if kind in AFFINITIES}
    return Port(
        device=device,
        port=number,
        guid=_text(port, "guid"),
        role=role if role in ROLES else UNKNOWN,
        numa=_whole(nic, "numa_node", 1024),
        rail=rail.get("rail", -1),
        leaf=rail.get("leaf", ""),
        miscabled=rail.get("miscabled", False),
        gpus=tuple(index for index, kind in near if kind in kinds),
        affinity=max(kinds, key=AFFINITIES.index, default=""),
        active=port.get("active") is not False,
    )


def read_fabric(body: bytes) -> FabricDocument:
    """Return what a fabric collector's document says; DocumentError where it is none."""
    document = _object(body)
    if document.get("kind") != "fabric" or document.get("version") != _FABRIC_VERSION:
        raise DocumentError("not a fabric document of a version that is known")
    switches = [_switch(each) for each in _list(document, "switches", _MOST_SWITCHES)]
    by_guid = {switch.guid: switch for switch in switches}
    hcas = [
        (_guid(each), (_text(each, "host"), _text(each, "device")), _text(each, "leaf"))
        for each in _list(document, "hcas", _MOST_HCAS)
    ]
    miscabled = (_guid(each) for each in _list(document, "miscabled", _MOST_HCAS))
    return FabricDocument(
        switches=by_guid,
        leaves={guid: leaf for guid, _, leaf in hcas if leaf in by_guid},
        named=_once((named, guid) for guid, named, _ in hcas if all(named)),
        miscabled=frozenset(miscabled),
        links=frozenset(_links(document, by_guid)),
        complete=document.get("complete") is True,
    )


def _switch(each: Mapping[str, Any]) -> Switch:
    return Switch(
        guid=_guid(each), name=_text(each, "name"), tier=_whole(each, "tier", _MOST_TIERS)
    )


def _once(
    pairs: Iterator[tuple[tuple[str, str], str]],
) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], set[str]] = {}
    for named, guid in pairs:
        found.setdefault(named, set()).add(guid)
    return {named: guids.pop() for named, guids in found.items() if len(guids) == 1}


def _links(
    document: Mapping[str, Any], switches: Mapping[str, Switch]
) -> Iterator[tuple[str, str]]:
    links = document.get("links")
    if not isinstance(links, list) or len(links) > _MOST_LINKS:
        raise DocumentError("links: not a list, or too long")
    for link in links:
        if not isinstance(link, list) or len(link) != 4:  # noqa: PLR2004 - two ends of two fields
            raise DocumentError("links: one of them has no two ends")
        one, other = link[0], link[2]
        if not isinstance(one, str) or not isinstance(other, str):
            raise DocumentError("links: an end is no GUID")
        if one in switches and other in switches and one != other:
            yield min(one, other), max(one, other)


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise DocumentError("not JSON") from None
    if not isinstance(document, dict):
        raise DocumentError("not a JSON object")
    return document


def _list(document: Mapping[str, Any], name: str, most: int) -> list[Mapping[str, Any]]:
    """Return a list of objects; an absent one is empty."""
    found = document.get(name)
    if found is None:
        return []
    if not isinstance(found, list) or len(found) > most:
        raise DocumentError(f"{name}: not a list, or too long")
    if not all(isinstance(each, dict) for each in found):
        raise DocumentError(f"{name}: one of them is not an object")
    return found


def _text(each: Mapping[str, Any], name: str) -> str:
    """Return a text as labels and messages may hold it; empty where there is none."""
    value = each.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > _LONGEST or not value.isprintable():
        raise DocumentError(f"{name}: not a short text")
    return value


def _guid(each: Mapping[str, Any]) -> str:
    guid = _text(each, "guid")
    if not guid:
        raise DocumentError("guid: missing")
    return guid


def _whole(each: Mapping[str, Any], name: str, limit: int) -> int:
    """Return a whole number below the limit; -1 where there is none."""
    value = each.get(name)
    if value is None:
        return -1
    if not isinstance(value, int) or isinstance(value, bool) or not -1 <= value < limit:
        raise DocumentError(f"{name}: not a whole number below {limit}")
    return value
