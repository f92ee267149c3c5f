"""How many series a port costs, and that each metric of the catalogue is told by some port."""

import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

from catalog import (
    rdma,
    rdma_counters,
    rdma_ethernet,
    rdma_link,
    rdma_modules,
    rdma_netlink,
    topology,
)
from catalog.metrics import Metric
from catalog.rdma_counters import KNOWN
from catalog.rdma_ethernet import STATISTICS
from exporters import exposition
from exporters.allocation.pod_logs import Names
from exporters.exposition import Writer
from exporters.facility import Cycle, End, Outcome, State
from exporters.post import Pace
from exporters.rdma import peers
from exporters.rdma.ethnl import EthtoolNetlink
from exporters.rdma.ethtool import Ethtool
from exporters.rdma.ethtool_family import EthtoolFamily
from exporters.rdma.ethtool_worker import InterfacesSession
from exporters.rdma.family import RdmaFamily
from exporters.rdma.netdev import folder, name
from exporters.rdma.netlink import Netlink
from exporters.rdma.netport import Sockets
from exporters.rdma.nldev_device import devices as nldev_devices
from exporters.rdma.sysfs import device_folder, devices, ports
from exporters.rdma.turn import Turn
from exporters.rdma.worker import attach
from exporters.registry import RDMA_ETHTOOL, RDMA_NETLINK
from exporters.runtime import run
from exporters.sample import Sample
from exporters.settings import Settings
from testbed import nldev
from testbed.ethtool import SimulatedEthtool, SimulatedInterface
from testbed.nldev import SimulatedNldev
from testbed.sysfs import SimulatedSysfs
from testbed.tools import ensure
from testbed.transceivers import cmis
from tests.exporters.rdma.interfaces import MLX5
from tests.exporters.samples import at

METRICS: tuple[Metric, ...] = (
    *rdma.METRICS,
    *rdma_counters.METRICS,
    *rdma_ethernet.METRICS,
    *rdma_link.METRICS,
    *rdma_modules.METRICS,
)
"""Those of the families rdma and rdma_ethtool."""

MOST = 112
"""Series a port by default, of all families that tell of it; the design promises 120."""

TWO_PRIORITIES = {
    **MLX5,
    **{name.replace("prio3", "prio4"): value for name, value in MLX5.items() if "prio3_pa" in name},
}


class Node:
    """A node, read for some time; what it says then."""

    def __init__(
        self, sysfs: SimulatedSysfs, interface: SimulatedInterface, *, detail: bool = False
    ) -> None:
        self.sysfs = sysfs
        self.settings = Settings(sysfs=str(sysfs.path), interval=MINUTE)
        if detail:
            more = {one.key for one in RDMA_ETHTOOL.facilities}
            self.settings = replace(self.settings, facilities=self.settings.facilities | more)
        self.family = RdmaFamily(self.settings, Pace.of(MINUTE, epoch=0.0))
        self.interfaces = EthtoolFamily(self.settings, 0.0, self.family)
        every = [p for d in devices(sysfs.path) for p in ports(device_folder(sysfs.path, d))]
        addresses = {
            name(port): folder(port, name(port)).joinpath("address").read_text().strip()
            for port in every
        }
        self.kernel = SimulatedEthtool(
            **{at: replace(interface, address=mac) for at, mac in addresses.items()}
        )
        for netdev in self.kernel.interfaces:
            sysfs.write(f"class/net/{netdev}/ifindex", "7")
        self.session = attach(self.settings, {})

    def read(self, seconds: float) -> None:
        cycle = Cycle(outcomes=tuple(self.session.cycle()), end=End.OK)
        self.family.readers[0].fold(cycle, at(seconds))
        for round_ in self.interfaces.rounds:
            round_.fold(self._interfaces(Turn.of(round_.post.target())), at(seconds))

    def _interfaces(self, turn: Turn) -> Cycle:
        session = InterfacesSession(self.settings, turn.target())
        session.sockets.close()
        session.sockets = Sockets(
            ethtool=Ethtool(self.kernel.ioctl), netlink=EthtoolNetlink(self.kernel)
        )
        with closing(session.sockets):
            return Cycle(outcomes=tuple(session.cycle()), end=End.OK)

    def samples(self, seconds: float) -> list[Sample]:
        return [*self.family.samples(at(seconds)), *self.interfaces.samples(at(seconds))]


MINUTE = 60

NEIGHBOR = Cycle(
    outcomes=(
        Outcome(
            facility="places",
            state=State.OK,
            notes=(peers.note(("mlx5_0", "1"), "leaf-1", "Ethernet1/1"),),
        ),
    ),
    end=End.OK,
)
"""What the family topology tells of the port's other end."""


def fullest() -> SimulatedInterface:
    module = cmis(lanes=4, flags={147: 0b0000_0001})
    return replace(module, statistics=TWO_PRIORITIES, fec=(1, 2, 3))


def live(node: Node) -> Iterator[Sample]:
    """Let a node's first port go through all that can be told of it; yield what was told."""
    for minute in range(127):
        node.read(minute * MINUTE)
    yield from node.samples(126 * MINUTE)
    node.sysfs.set_state("mlx5_0", 1, "DOWN")
    node.sysfs.set_counter("mlx5_0", 1, "excessive_buffer_overrun_errors", 15)
    for minute in (127, 128, 129):
        node.read(minute * MINUTE)
    node.sysfs.set_state("mlx5_0", 1, "ACTIVE")
    node.read(130 * MINUTE)
    yield from node.samples(130 * MINUTE)


def beyond(device: str) -> Iterator[Sample]:
    """Yield what the families rdma_netlink and topology tell of a port by default.

    Each metric of topology is one series, where a GPU has a NIC of its own; of a neighbour that is
    known none is silent.
    """
    kernel = SimulatedNldev(nldev.Device(index=3, name=device, netdevs={1: "eth0"}))
    found = nldev_devices(Netlink(kernel.connect), "/nowhere", Names())
    for facility in (f for f in RDMA_NETLINK.facilities if f.on):
        told = run(facility, found).samples
        yield from (s for s in told if s.metric is not rdma_netlink.RDMA_NETNS_EXCLUSIVE)
    for metric in {*topology.METRICS} - {topology.RDMA_LLDP_SILENT}:
        yield Sample(metric, metric.labels, 1)


def test_the_fullest_port_stays_within_what_was_promised() -> None:
    with SimulatedSysfs(ports=1, link_layer="Ethernet") as sysfs:
        node = Node(sysfs, fullest())
        node.family.overhear(NEIGHBOR, at(0))
        list(live(node))

        told = [s for s in node.samples(130 * MINUTE) if s.metric is not rdma.RDMA_PORTS_EXPECTED]
        series = {(s.metric.name, s.labels) for s in (*told, *beyond("mlx5_0"))}

    print(f"a RoCE port with two priorities, a module and trouble: {len(series)} series")
    assert len(series) <= MOST


def everything() -> list[Sample]:
    """Return what is told of a node that has every kind of port, and every trouble."""
    told: list[Sample] = []
    for layer in ("InfiniBand", "Ethernet"):
        with SimulatedSysfs(ports=2, link_layer=layer) as sysfs:
            node = Node(sysfs, fullest(), detail=True)
            node.family.overhear(NEIGHBOR, at(0))
            sysfs.make_unreadable("class/infiniband/mlx5_1/ports/1/counters/symbol_error")
            told += live(node)
    with SimulatedSysfs(ports=16) as sysfs:
        files = [*(known.file for known in KNOWN if known.folder == "hw_counters"), *OTHERS]
        for place, file in enumerate(files):
            folder = f"class/infiniband/mlx5_{place // 8}/ports/1/hw_counters"
            sysfs.write(f"{folder}/{file}", "1")
        statistics = dict.fromkeys(STATISTICS, 1)
        node = Node(sysfs, replace(fullest(), statistics=statistics, down_reason=4), detail=True)
        node.read(0)
        told += node.samples(0)
    return told


OTHERS = ("active_qps", "watermark_qps", "of_tomorrow", "lifespan")


def test_every_metric_is_told_of_some_port_and_promtool_finds_no_fault() -> None:
    told = everything()

    text = exposition.text(Writer(METRICS).write(dedupe(told)))
    promtool = str(ensure("promtool")["promtool"])
    checked = subprocess.run(
        [promtool, "check", "metrics"], input=text.encode(), capture_output=True, check=False
    )

    missing = {metric.name for metric in METRICS} - {sample.metric.name for sample in told}
    assert missing == set()
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")


def dedupe(samples: list[Sample]) -> list[Sample]:
    """Return the last of each series: those of several nodes go by the same names."""
    return list({(s.metric.name, s.labels): s for s in samples}.values())
