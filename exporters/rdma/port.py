"""rdma/port: what a port is, whether it is up, how fast it runs."""

from collections.abc import Iterator

from catalog.rdma import (
    RDMA_PORT_INFO,
    RDMA_PORT_LANES,
    RDMA_PORT_PHYSICAL_STATE,
    RDMA_PORT_RATE,
    RDMA_PORT_STATE,
)
from exporters.errors import Absent, ReadingError, Unreadable
from exporters.facility import Facility
from exporters.rdma import netdev
from exporters.rdma.remembered import remembered
from exporters.rdma.sysfs import Port, leading_number, rate
from exporters.sample import Sample

STATE_FILE = "state"

LONGEST = 128
"""Characters of an identity field that are shown; what is longer is damage, not identity."""


@remembered
def state(port: Port) -> Iterator[Sample]:
    """Yield the logical state's number."""
    yield port.sample(RDMA_PORT_STATE, port.take(STATE_FILE, leading_number))


@remembered
def physical_state(port: Port) -> Iterator[Sample]:
    """Yield the physical state's number."""
    yield port.sample(RDMA_PORT_PHYSICAL_STATE, port.take("phys_state", leading_number))


@remembered
def speed(port: Port) -> Iterator[Sample]:
    """Yield the rate in bytes a second, and over how many lanes."""
    found = port.take("rate", rate)
    yield port.sample(RDMA_PORT_RATE, found.bytes_per_second)
    if found.lanes:
        yield port.sample(RDMA_PORT_LANES, found.lanes)


@remembered
def identity(port: Port) -> Iterator[Sample]:
    """Yield the info series; what cannot be read is empty in it, and said afterwards."""
    fields = _Fields(port)
    layer = fields.own("", "link_layer")
    yield port.sample(
        RDMA_PORT_INFO,
        1,
        _guid(port, layer, fields),
        layer,
        _printable(netdev.name(port), ""),
        _pci_bus_id(port),
        fields.text(f"{port.folder}/device", "numa_node").replace("-1", ""),
        fields.text(str(port.folder), "board_id"),
        fields.text(str(port.folder), "fw_ver"),
        fields.text(str(port.folder), "hca_type"),
        _function(port),
    )
    if fields.problem:
        raise Unreadable(fields.problem)


class _Fields:
    """Reads fields; remembers the first that could not be."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self.problem = ""

    def own(self, kind: str, file: str) -> str:
        """Return a field in one of the port's own folders."""
        return self.text(f"{self._port.place}/{kind}" if kind else self._port.place, file, kind)

    def text(self, folder: str, file: str, kind: str = "") -> str:
        """Return a field, empty where there is none."""
        try:
            return self._port.take_in(self._port.open(folder), file, _printable, kind)
        except Absent:
            return ""
        except ReadingError as error:
            self.problem = self.problem or str(error)
            return ""


def _printable(text: str, _path: str) -> str:
    shown = text[:LONGEST]
    if shown.isprintable():
        return shown
    return "".join(c if c.isprintable() else "\ufffd" for c in shown)


def _guid(port: Port, layer: str, fields: _Fields) -> str:
    """Return the port GUID: the interface id of GID 0 on InfiniBand.

    Elsewhere GID 0 comes and goes with the network interface, so the device's own GUID stands for
    its only port, which it also is on most InfiniBand devices.
    """
    if layer == "InfiniBand":
        guid = ":".join(fields.own("gids", "0").split(":")[4:])
        if guid.strip("0:"):
            return guid
    guid = fields.text(str(port.folder), "node_guid") if port.alone else ""
    return guid if guid.strip("0:") else ""


def _pci_bus_id(port: Port) -> str:
    """Return the PCI function, which is where the link `device` leads."""
    return port.open(str(port.folder)).once(_pci_bus_id, lambda: _linked(port))


def _linked(port: Port) -> str:
    try:
        name = (port.folder / "device").readlink().name
    except OSError:
        return ""
    return name if name.count(":") == 2 else ""  # noqa: PLR2004 - 0000:18:00.0


def _function(port: Port) -> str:
    """Return whether it is a virtual function, which links to its physical one; "" off PCI."""
    if not _pci_bus_id(port):
        return ""
    return "virtual" if "physfn" in port.open(f"{port.folder}/device").names() else "physical"


FACILITY = Facility(
    family="rdma",
    name="port",
    reads="identity, state, physical state and rate of each RDMA port",
    readings=(identity, state, physical_state, speed),
)
