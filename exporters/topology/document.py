"""The document at /topology; docs/topology.md tells its fields.

The same topology always gives the same bytes: whoever reads it compares its ETag.
"""

import json
from typing import Any

from catalog.topology import UNKNOWN, VERSION
from exporters.topology.affinity import Affinity
from exporters.topology.lldp import of_wires
from exporters.topology.nics import Nic, NicPort
from exporters.topology.pci import Function, Link
from exporters.topology.rails import Rail
from exporters.topology.view import Topology

_SILENT = "no LLDP frame came: the switch sends none, or the NIC's firmware keeps them for itself"


def document(topology: Topology) -> str:
    """Return the topology as JSON; what is not known is null, and its reason stands beside it."""
    places = {nic.address: nic.name for nic in topology.nics if nic.address}
    made = {
        "version": VERSION,
        "numa_nodes": topology.tree.numa_nodes or None,
        "gpus": [_gpu(topology, number) for number in range(len(topology.tree.gpus))],
        "nics": [_nic(topology, nic) for nic in topology.nics],
        "affinities": [_affinity(one, places) for one in topology.affinities],
        "rails": [_rail(rail) for rail in topology.rails],
        "pci": [_function(one) for one in topology.tree.functions.values()],
        "unknown": _unknown(topology),
    }
    return json.dumps(made, separators=(",", ":"))


def _gpu(topology: Topology, number: int) -> dict[str, Any]:
    gpu = topology.tree.gpus[number]
    near = [one for one in topology.near if one.gpu == gpu.address]
    names = {nic.address: nic.name for nic in topology.nics}
    return {
        "index": number,
        "pci": gpu.address,
        "uuid": topology.uuids.get(gpu.address),
        "numa_node": gpu.numa_node,
        "nearest": [names.get(one.nic, one.nic) for one in near],
        "affinity": near[0].kind if near else UNKNOWN,
    }


def _nic(topology: Topology, nic: Nic) -> dict[str, Any]:
    function = topology.tree.functions.get(nic.address)
    role = topology.roles[nic.name]
    return {
        "name": nic.name,
        "pci": nic.address or None,
        "numa_node": function.numa_node if function else None,
        "role": role.role,
        "reason": role.reason,
        "virtual_functions": nic.virtual_functions,
        "ports": [_port(topology, port) for port in nic.ports],
    }


def _port(topology: Topology, port: NicPort) -> dict[str, Any]:
    neighbor = of_wires(topology.heard.neighbors, port.wires)
    return {
        "device": port.device or None,
        "port": port.port or None,
        "netdev": port.netdev or None,
        "guid": port.guid or None,
        "link_layer": port.link_layer or None,
        "active": port.active,
        "bytes_per_second": port.bytes_per_second or None,
        "neighbor": {
            "system": neighbor.system or None,
            "chassis": neighbor.chassis,
            "port": neighbor.port,
            "port_description": neighbor.port_description or None,
        }
        if neighbor
        else None,
    }


def _affinity(one: Affinity, places: dict[str, str]) -> dict[str, Any]:
    narrowest = one.narrowest
    return {
        "gpu": one.gpu,
        "nic": places.get(one.nic, one.nic),
        "kind": one.kind,
        "reason": one.reason or None,
        "acs_redirects": one.redirected,
        "bottleneck": {"pci": narrowest.address, **_link(narrowest.link)} if narrowest else None,
    }


def _link(link: Link) -> dict[str, Any]:
    return {
        "gigatransfers_per_second": link.gts or None,
        "lanes": link.lanes or None,
        "lanes_possible": link.lanes_possible or None,
        "bytes_per_second": round(link.bytes_per_second),
    }


def _rail(rail: Rail) -> dict[str, Any]:
    return {
        "rail": rail.number,
        "device": rail.device,
        "port": rail.port,
        "leaf": rail.leaf or None,
        "expected_leaf": rail.expected or None,
        "miscabled": rail.miscabled,
        "reason": rail.reason or None,
    }


def _function(one: Function) -> dict[str, Any]:
    return {
        "pci": one.address,
        "root": one.root or None,
        "parent": one.above[-1] if one.above else None,
        "class": one.code or None,
        "vendor": one.vendor or None,
        "numa_node": one.numa_node,
        "link": _link(one.link) if one.link else None,
        "acs_redirects": one.acs_redirects,
    }


def _unknown(topology: Topology) -> list[dict[str, str]]:
    """Return what could not be determined, each with its reason; each reason once."""
    heard = topology.heard
    found = [("reading", problem) for problem in topology.problems]
    if heard.reason:
        found.append(("neighbors", heard.reason))
    silent = [netdev for netdev, quiet in heard.silent.items() if quiet]
    found += [("neighbors", f"{netdev}: {_SILENT}") for netdev in silent]
    found += [("roles", f"{n}: {r.reason}") for n, r in topology.roles.items() if r.role == UNKNOWN]
    found += [("affinities", one.reason) for one in topology.affinities if one.reason]
    found += [("rails", f"{r.device}/{r.port}: {r.reason}") for r in topology.rails if r.reason]
    if not topology.tree.gpus:
        found.append(("affinities", "no GPU is on the PCI bus"))
    return [{"what": what, "reason": reason} for what, reason in dict.fromkeys(found)]
