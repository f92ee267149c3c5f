"""LLDP as a switch sends it and as lldpd tells it: frames, and both forms of lldpcli's JSON."""

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

GROUP = bytes.fromhex("0180c200000e")
ETHERTYPE = struct.pack("!H", 0x88CC)


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchPort:
    """One port of a switch; a switch without a name has only its MAC address."""

    system: str = "leaf-01"
    mac: str = "0c:29:ef:12:34:56"
    port: str = "Ethernet1/7"
    description: str = "node-1 rail 3"
    lifetime: int = 120


def part(kind: int, value: bytes) -> bytes:
    """Return one part of an LLDPDU."""
    return struct.pack("!H", kind << 9 | len(value)) + value


def payload(of: SwitchPort) -> bytes:
    """Return an LLDPDU."""
    named = part(5, of.system.encode()) if of.system else b""
    return b"".join(
        (
            part(1, b"\x04" + bytes.fromhex(of.mac.replace(":", ""))),
            part(2, b"\x05" + of.port.encode()),
            part(3, struct.pack("!H", of.lifetime)),
            part(4, of.description.encode()),
            named,
            part(7, b"\x00\x14\x00\x04"),
            part(127, b"\x00\x80\xc2\x01\x00\x01"),
            part(0, b""),
        )
    )


def frame(of: SwitchPort) -> bytes:
    """Return a whole Ethernet frame."""
    return GROUP + bytes.fromhex(of.mac.replace(":", "")) + ETHERTYPE + payload(of)


def json0(of: Mapping[str, Sequence[SwitchPort]]) -> str:
    """Return what `lldpcli -f json0 show neighbors` prints: lists everywhere."""
    interfaces = [_interface0(name, one) for name, every in of.items() for one in every]
    return json.dumps({"lldp": [{"interface": interfaces} if interfaces else {}]}, indent=2)


def _interface0(name: str, of: SwitchPort) -> dict[str, Any]:
    chassis: dict[str, Any] = {"id": [{"type": "mac", "value": of.mac}]}
    if of.system:
        chassis["name"] = [{"value": of.system}]
    chassis["mgmt-ip"] = [{"value": "10.0.0.1"}, {"value": "fe80::1"}]
    chassis["capability"] = [{"type": "Bridge", "enabled": True}]
    return {
        "name": name,
        "via": "LLDP",
        "rid": "1",
        "age": "0 day, 00:01:12",
        "chassis": [chassis],
        "port": [
            {
                "id": [{"type": "ifname", "value": of.port}],
                "descr": [{"value": of.description}],
                "ttl": [{"value": str(of.lifetime)}],
            }
        ],
    }


def plain_json(of: Mapping[str, Sequence[SwitchPort]]) -> str:
    """Return what `lldpcli -f json show neighbors` prints: no list where there is only one."""
    made = [{name: _interface(one)} for name, every in of.items() for one in every]
    if not made:
        return json.dumps({"lldp": {}}, indent=2)
    return json.dumps({"lldp": {"interface": made if len(made) > 1 else made[0]}}, indent=2)


def _interface(of: SwitchPort) -> dict[str, Any]:
    about: dict[str, Any] = {
        "id": {"type": "mac", "value": of.mac},
        "descr": "Cumulus Linux",
        "mgmt-ip": ["10.0.0.1", "fe80::1"],
        "capability": [{"type": "Bridge", "enabled": True}],
    }
    return {
        "via": "LLDP",
        "rid": "1",
        "age": "0 day, 00:01:12",
        "chassis": {of.system: about} if of.system else about,
        "port": {
            "id": {"type": "ifname", "value": of.port},
            "descr": of.description,
            "ttl": str(of.lifetime),
        },
    }
