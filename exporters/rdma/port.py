"""rdma/port: what a port is, whether it is up, how fast it runs."""

from collections.abc import Iterator
from pathlib import Path

from catalog.rdma import (
    RDMA_PORT_INFO,
    RDMA_PORT_PHYSICAL_STATE,
    RDMA_PORT_RATE,
    RDMA_PORT_STATE,
)
from exporters.errors import Absent, ReadingError, Unreadable
from exporters.facility import Facility
from exporters.files import entries, read
from exporters.rdma.sysfs import Port, bytes_per_second, leading_number
from exporters.sample import Sample

LONGEST = 128
"""Characters of an identity field that are shown; what is longer is damage, not identity."""


def state(port: Port) -> Iterator[Sample]:
    """Yield the logical state's number."""
    path = port.path("state")
    yield port.sample(RDMA_PORT_STATE, leading_number(read(path), path))


def physical_state(port: Port) -> Iterator[Sample]:
    """Yield the physical state's number."""
    path = port.path("phys_state")
    yield port.sample(RDMA_PORT_PHYSICAL_STATE, leading_number(read(path), path))


def rate(port: Port) -> Iterator[Sample]:
    """Yield the rate in bytes a second."""
    path = port.path("rate")
    yield port.sample(RDMA_PORT_RATE, bytes_per_second(read(path), path))


def identity(port: Port) -> Iterator[Sample]:
    """Yield the info series; what cannot be read is empty in it, and said afterwards."""
    fields = _Fields()
    layer = fields.text(port.path("link_layer"))
    yield port.sample(
        RDMA_PORT_INFO,
        1,
        _guid(port, layer, fields),
        layer,
        _netdev(port, fields),
        _pci_bus_id(port),
        fields.text(port.folder / "device" / "numa_node").replace("-1", ""),
        fields.text(port.folder / "board_id"),
        fields.text(port.folder / "fw_ver"),
        fields.text(port.folder / "hca_type"),
    )
    if fields.problem:
        raise Unreadable(fields.problem)


class _Fields:
    """Reads fields; remembers the first that could not be."""

    def __init__(self) -> None:
        self.problem = ""

    def text(self, path: Path) -> str:
        try:
            text = read(path)[:LONGEST]
            return "".join(c if c.isprintable() else "\ufffd" for c in text)
        except Absent:
            return ""
        except ReadingError as error:
            self.problem = self.problem or str(error)
            return ""

    def names(self, folder: Path) -> list[str]:
        try:
            return entries(folder)
        except ReadingError:
            return []


def _guid(port: Port, layer: str, fields: _Fields) -> str:
    """Return the port GUID: the interface id of GID 0 on InfiniBand.

    Elsewhere GID 0 comes and goes with the network interface, so the device's own GUID stands for
    its only port, which it also is on most InfiniBand devices.
    """
    if layer == "InfiniBand":
        guid = ":".join(fields.text(port.path("gids/0")).split(":")[4:])
        if guid.strip("0:"):
            return guid
    alone = fields.names(port.folder / "ports") == [port.number]
    guid = fields.text(port.folder / "node_guid") if alone else ""
    return guid if guid.strip("0:") else ""


def _netdev(port: Port, fields: _Fields) -> str:
    """Return the port's network interface: as its GID says, else the device's only one."""
    name = fields.text(port.path("gid_attrs/ndevs/0"))
    candidates = fields.names(port.folder / "device" / "net")
    return name or (candidates[0] if len(candidates) == 1 else "")


def _pci_bus_id(port: Port) -> str:
    """Return the PCI function, which is where the link `device` leads."""
    try:
        name = (port.folder / "device").readlink().name
    except OSError:
        return ""
    return name if name.count(":") == 2 else ""  # noqa: PLR2004 - 0000:18:00.0


FACILITY = Facility(
    family="rdma",
    name="port",
    reads="identity, state, physical state and rate of each RDMA port",
    readings=(identity, state, physical_state, rate),
)
