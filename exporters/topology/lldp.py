"""LLDP neighbours: the switch port that each network interface is plugged into.

From lldpd's own JSON, in both its forms, or from the frames themselves (`lldp_frames`).
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from exporters.errors import Unreadable
from exporters.files import read

_LIMIT = 4 << 20
_LONGEST = 128
_MOST = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbor:
    """Who is at the other end of a cable."""

    netdev: str
    chassis: str
    """Its identifier, mostly a MAC address."""
    port: str
    system: str = ""
    """The name it was given."""
    port_description: str = ""

    @property
    def leaf(self) -> str:
        """What tells it from other switches: its name, else its identifier."""
        return self.system or self.chassis


def of_wires(neighbors: Mapping[str, Neighbor], wires: Iterable[str]) -> Neighbor | None:
    """Return the neighbour of the first of these interfaces that has one."""
    return next((neighbors[wire] for wire in wires if wire in neighbors), None)


def read_neighbors(path: str) -> dict[str, Neighbor]:
    """Return the neighbours in `lldpcli show neighbors -f json` or `-f json0`, by interface.

    Unreadable where the file is neither. Of several neighbours of one interface the first counts.
    """
    try:
        document = json.loads(read(path, _LIMIT))
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"{path}: no JSON: {error}") from None
    if not (isinstance(document, dict) and "lldp" in document):
        raise Unreadable(f"{path}: not the JSON of lldpcli show neighbors: it has no key lldp")
    found: dict[str, Neighbor] = {}
    for neighbor in _neighbors(document["lldp"]):
        if len(found) < _MOST:
            found.setdefault(neighbor.netdev, neighbor)
    return found


def _neighbors(lldp: Any) -> Iterator[Neighbor]:
    """Yield what either form holds.

    json0 has lists everywhere, and `name` in each interface; json has an object keyed by the name
    instead of a list of one, and plain strings instead of `[{"value": …}]`.
    """
    for block in _objects(lldp):
        for interface in _objects(block.get("interface")):
            if isinstance(interface.get("name"), str):
                yield from _neighbor(interface["name"], interface)
                continue
            for name, held in interface.items():
                for one in _objects(held):
                    yield from _neighbor(name, one)


def _objects(held: Any) -> list[dict[str, Any]]:
    """Return an object, or those in a list, as a list."""
    every = held if isinstance(held, list) else [held]
    return [one for one in every if isinstance(one, dict)]


def _neighbor(netdev: str, interface: Mapping[str, Any]) -> Iterator[Neighbor]:
    for chassis in _objects(interface.get("chassis"))[:1]:
        name, about = _named(chassis)
        for port in _objects(interface.get("port"))[:1]:
            identifier, switch_port = _value(about.get("id")), _value(port.get("id"))
            if identifier and switch_port:
                yield Neighbor(
                    netdev=printable(netdev),
                    chassis=identifier,
                    system=name,
                    port=switch_port,
                    port_description=_value(port.get("descr")),
                )


def _named(chassis: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Return a chassis' name and what holds its identifier: in json the name is a key above it."""
    if "id" in chassis:
        return _value(chassis.get("name")), chassis
    for name, held in chassis.items():
        if isinstance(held, dict) and "id" in held:
            return printable(name), held
    return "", {}


def _value(held: Any) -> str:
    """Return a value, whether plain, `{"value": …}` or `[{"value": …}]`."""
    if isinstance(held, str):
        return printable(held)
    for one in _objects(held):
        if isinstance(one.get("value"), str):
            return printable(one["value"])
    return ""


def printable(text: str) -> str:
    """Return a text as a label may hold it."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text[:_LONGEST])
