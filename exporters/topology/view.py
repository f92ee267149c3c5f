"""The node's topology as one look at it finds it, and as samples tell it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from catalog.topology import (
    RDMA_GPU_AFFINITY,
    RDMA_GPU_PATH,
    RDMA_RAIL_MISCABLED,
    RDMA_TOPOLOGY_INFO,
)
from exporters.errors import ReadingError
from exporters.files import read
from exporters.sample import Sample
from exporters.topology.affinity import Affinity, affinities, nearest
from exporters.topology.lldp import Neighbor, of_wires
from exporters.topology.nics import Nic, Nics
from exporters.topology.pci import Tree, read_tree
from exporters.topology.rails import Rail, rails
from exporters.topology.roles import Declared, Role, roles
from exporters.topology.routes import default_interfaces

_UUID = "GPU UUID"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What is known of the neighbours, or why nothing is."""

    neighbors: Mapping[str, Neighbor] = field(default_factory=dict)
    silent: Mapping[str, bool] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """Everything that is known of the places of GPUs and NICs."""

    tree: Tree
    uuids: Mapping[str, str]
    """Of GPUs, by PCI address; those whose driver tells none are left out."""
    nics: tuple[Nic, ...]
    affinities: tuple[Affinity, ...]
    near: tuple[Affinity, ...]
    roles: Mapping[str, Role]
    rails: tuple[Rail, ...]
    heard: Heard
    problems: tuple[str, ...]


def look(sysfs: Path, procfs: Path, found: Nics, declared: Declared, heard: Heard) -> Topology:
    """Return the topology as it is now, with the NICs that were found."""
    tree = read_tree(sysfs)
    routes = default_interfaces(procfs)
    every = affinities(tree)
    near = nearest(every)
    known = roles(found.nics, every, routes, declared)
    unrouted = () if routes is not None else (f"{procfs}: no routing table can be read",)
    return Topology(
        tree=tree,
        uuids=_uuids(procfs, tree),
        nics=found.nics,
        affinities=tuple(every),
        near=tuple(near),
        roles=known,
        rails=tuple(rails(found.nics, known, near, heard.neighbors, declared)),
        heard=heard,
        problems=(*tree.problems, *found.problems, *unrouted),
    )


def _uuids(procfs: Path, tree: Tree) -> dict[str, str]:
    found = {gpu.address: _uuid(procfs, gpu.address) for gpu in tree.gpus}
    return {address: uuid for address, uuid in found.items() if uuid}


def _uuid(procfs: Path, address: str) -> str:
    """Return a GPU's UUID as its driver tells it, "" where it tells none."""
    try:
        said = read(procfs / "driver/nvidia/gpus" / address / "information")
    except ReadingError:
        return ""
    for line in said.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == _UUID:
            return value.strip() if value.strip().isprintable() else ""
    return ""


def plugged(topology: Topology) -> Iterator[tuple[tuple[str, str], Neighbor]]:
    """Yield each RDMA port whose neighbour is known, with it."""
    for nic in topology.nics:
        for port in nic.ports:
            neighbor = of_wires(topology.heard.neighbors, port.wires)
            if port.device and neighbor is not None:
                yield (port.device, port.port), neighbor


def samples(topology: Topology) -> Iterator[Sample]:
    """Yield the place of each RDMA port, and the NICs near each GPU."""
    placed = {(rail.device, rail.port): rail for rail in topology.rails}
    for nic in topology.nics:
        role = topology.roles[nic.name].role
        for port in nic.ports:
            if port.device:
                rail = placed.get((port.device, port.port))
                neighbor = of_wires(topology.heard.neighbors, port.wires)
                number, leaf = str(rail.number) if rail else "", neighbor.leaf if neighbor else ""
                of = (port.device, port.port)
                yield Sample(RDMA_TOPOLOGY_INFO, (*of, number, leaf, role), 1)
    yield from _cabling(topology.rails)
    yield from _near(topology)


def _cabling(of: tuple[Rail, ...]) -> Iterator[Sample]:
    for rail in of:
        if rail.miscabled is not None:
            labels = (rail.device, rail.port, str(rail.number), rail.leaf, rail.expected)
            yield Sample(RDMA_RAIL_MISCABLED, labels, float(rail.miscabled))


def _near(topology: Topology) -> Iterator[Sample]:
    devices = {nic.address: nic.name for nic in topology.nics if nic.rdma and nic.address}
    order = {gpu.address: str(index) for index, gpu in enumerate(topology.tree.gpus)}
    for one in topology.near:
        if one.nic not in devices:
            continue
        of = (devices[one.nic], order[one.gpu], topology.uuids.get(one.gpu, ""))
        yield Sample(RDMA_GPU_AFFINITY, (*of, one.kind), 1)
        if one.narrowest:
            yield Sample(RDMA_GPU_PATH, of, one.narrowest.link.bytes_per_second)
