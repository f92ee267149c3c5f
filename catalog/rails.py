"""The annotation `rails`: where a node's GPUs and NICs stand, as far as placing pods needs it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalog.topology import AFFINITIES, COMPUTE, ROLES, UNKNOWN
from catalog.wire import WireError

VERSION = 1
LIMIT = 8 * 1024
"""Bytes that the annotation may take."""
MOST_GPUS, MOST_PORTS = 64, 256

_LONGEST = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class PortPlace:
    """One RDMA port. `rail` and `numa` are -1, and `leaf` and `affinity` empty, where not known."""

    device: str
    port: str
    role: str
    rail: int = -1
    leaf: str = ""
    numa: int = -1
    gpus: tuple[int, ...] = ()
    """The GPUs that no other NIC is nearer to, by their index."""
    affinity: str = ""
    """How near those are, one of AFFINITIES."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePlaces:
    """A node's GPUs and ports."""

    gpus: tuple[int, ...]
    """The NUMA node of each GPU by its index, -1 where it is not known."""
    ports: tuple[PortPlace, ...]


def dump_rails(places: NodePlaces, limit: int = LIMIT) -> str:
    """Return the annotation; WireError where even the compute ports alone do not fit."""
    compute = [port for port in places.ports if port.role == COMPUTE]
    for ports in (places.ports, compute):
        text = _encode(places.gpus, ports)
        if len(text.encode()) <= limit:
            return text
    raise WireError(f"{len(compute)} compute ports do not fit in {limit} bytes")


def _encode(gpus: Sequence[int], ports: Sequence[PortPlace]) -> str:
    document = {"version": VERSION, "gpus": list(gpus), "ports": [*map(_entry, ports)]}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _entry(port: PortPlace) -> dict[str, Any]:
    entry: dict[str, Any] = {"device": port.device, "port": port.port, "role": port.role}
    if port.rail >= 0:
        entry["rail"] = port.rail
    if port.leaf:
        entry["leaf"] = port.leaf
    if port.numa >= 0:
        entry["numa"] = port.numa
    if port.gpus:
        entry |= {"gpus": list(port.gpus), "affinity": port.affinity}
    return entry


def parse_rails(text: str | None) -> NodePlaces | None:
    """Return what an annotation tells; None where there is none, or a version that is not ours.

    Unknown fields are ignored. WireError names what is malformed.
    """
    if not text:
        return None
    if len(text) > 4 * LIMIT:
        raise WireError("rails annotation: too long")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WireError(f"rails annotation is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise WireError("rails annotation is not a JSON object")
    if document.get("version") != VERSION:
        return None
    gpus, ports = document.get("gpus"), document.get("ports")
    if not isinstance(gpus, list) or len(gpus) > MOST_GPUS:
        raise WireError("rails annotation: gpus is not a list, or too long")
    if not isinstance(ports, list) or len(ports) > MOST_PORTS:
        raise WireError("rails annotation: ports is not a list, or too long")
    return NodePlaces(
        gpus=tuple(_whole(numa, "gpus") for numa in gpus),
        ports=tuple(_decode(entry) for entry in ports),
    )


def _decode(entry: object) -> PortPlace:
    if not isinstance(entry, Mapping):
        raise WireError("rails annotation: a port is not an object")
    gpus = entry.get("gpus", [])
    if not isinstance(gpus, list) or len(gpus) > MOST_GPUS:
        raise WireError("rails annotation: a port's gpus is not a list, or too long")
    role, affinity = _text(entry, "role"), _text(entry, "affinity")
    return PortPlace(
        device=_text(entry, "device"),
        port=_text(entry, "port"),
        role=role if role in ROLES else UNKNOWN,
        rail=_whole(entry.get("rail", -1), "rail"),
        leaf=_text(entry, "leaf"),
        numa=_whole(entry.get("numa", -1), "numa"),
        gpus=tuple(_whole(gpu, "gpus") for gpu in gpus),
        affinity=affinity if affinity in AFFINITIES else "",
    )


def _text(entry: Mapping[str, Any], name: str) -> str:
    value = entry.get(name, "")
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise WireError(f"rails annotation: {name} is not a string, or too long")
    return value


def _whole(value: object, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not -1 <= value < 1024:  # noqa: PLR2004 - more than any machine has
        raise WireError(f"rails annotation: {name} is not a small whole number")
    return value
