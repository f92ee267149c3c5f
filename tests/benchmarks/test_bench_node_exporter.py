"""Sixteen ports with all their counters, beside node_exporter's infiniband collector.

Both run as they are run in a cluster, on the same tree at the same time: ours at its default
interval, theirs scraped as often; bytes and packets of every port move in between. CPU is what the
kernel counted for all threads of all processes: of ours a whole cycle, worker and program.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from testbed.sysfs import SimulatedSysfs
from tests.exporters.compat.peer import NodeExporter, node_exporter
from tests.exporters.running import Exporter, Hardware, exporter, hardware

T = TypeVar("T")

PORTS = 16
INTERVAL = 5.0
CYCLES = 4
SCRAPES = 200
WARM = 20

ONLY_RDMA = tuple(
    f"--no-collector.{family}"
    for family in ("gpu", "node", "topology", "rdma_ethtool", "rdma_netlink", "allocation", "hpc")
)

pytestmark = pytest.mark.benchmark(group="16 RDMA ports, as programs")


@pytest.fixture(scope="module")
def on() -> Iterator[Hardware]:
    with hardware(gpus=1, ports=PORTS) as made:
        yield made


@pytest.fixture(scope="module")
def theirs(on: Hardware) -> Iterator[NodeExporter]:
    with node_exporter(on.sysfs.path) as running:
        for _ in range(WARM):
            running.scrape()
        yield running


@pytest.fixture(scope="module")
def ours(on: Hardware) -> Iterator[Exporter]:
    with exporter(on, *ONLY_RDMA, interval=f"{INTERVAL:.0f}s") as running:
        for _ in range(WARM):
            running.get()
        yield running


def once(benchmark: BenchmarkFixture, act: Callable[[], T]) -> T:
    """Run something once under pytest-benchmark, and return what it returns."""
    pedantic: Callable[..., T] = benchmark.pedantic
    return pedantic(act, rounds=1)


def cpu_seconds(pids: list[int]) -> float:
    """Return how long all threads of these processes ran, to the nanosecond."""
    tasks = [task for pid in pids for task in Path(f"/proc/{pid}/task").iterdir()]
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


MOVING = ("port_rcv_data", "port_xmit_data", "port_rcv_packets", "port_xmit_packets")


def move(sysfs: SimulatedSysfs, to: int) -> None:
    """Let traffic be counted in place, as in sysfs: no file there is ever replaced by another."""
    for counters in sysfs.path.glob("class/infiniband/*/ports/1/counters"):
        for name in MOVING:
            (counters / name).write_text(f"{to}\n")


@dataclass
class Latencies:
    seconds: list[float]

    @classmethod
    def of(cls, scrape: Callable[[], object]) -> "Latencies":
        found = []
        for _ in range(SCRAPES):
            began = time.perf_counter()
            scrape()
            found.append(time.perf_counter() - began)
        return cls(sorted(found))

    def at(self, share: float) -> float:
        return self.seconds[min(int(len(self.seconds) * share), len(self.seconds) - 1)] * 1e3


def test_cpu_of_a_cycle_beside_a_scrape(
    benchmark: BenchmarkFixture,
    on: Hardware,
    ours: Exporter,
    theirs: NodeExporter,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def cycles() -> tuple[float, float]:
        before = cpu_seconds(ours.processes()), cpu_seconds([theirs.process.pid])
        for cycle in range(CYCLES):
            move(on.sysfs, to=1_000_000 + cycle)
            time.sleep(INTERVAL)
            theirs.scrape()
        after = cpu_seconds(ours.processes()), cpu_seconds([theirs.process.pid])
        return (after[0] - before[0]) / CYCLES, (after[1] - before[1]) / CYCLES

    mine, peer = once(benchmark, cycles)

    with capsys.disabled():
        print(
            f"\n16 ports: CPU of a cycle {mine * 1e3:.1f} ms, of a node_exporter scrape "
            f"{peer * 1e3:.1f} ms: ratio {mine / peer:.2f}; "
            f"{100 * mine / INTERVAL:.2f} % of a core at {INTERVAL:.0f} s"
        )
    benchmark.extra_info["cpu_ratio"] = mine / peer
    assert mine > 0
    assert ours.scrape().all("railwatch_rdma_port_receive_bytes_total")


def test_a_scrape_beside_a_scrape(
    benchmark: BenchmarkFixture,
    ours: Exporter,
    theirs: NodeExporter,
    capsys: pytest.CaptureFixture[str],
) -> None:
    mine = once(benchmark, lambda: Latencies.of(ours.get))
    peer = Latencies.of(theirs.scrape)

    with capsys.disabled():
        print(
            f"\n16 ports: scrape p50 {mine.at(0.5):.1f} ms, p99 {mine.at(0.99):.1f} ms; of "
            f"node_exporter {peer.at(0.5):.1f} and {peer.at(0.99):.1f} ms: p99 ratio "
            f"{mine.at(0.99) / peer.at(0.99):.2f}"
        )
    benchmark.extra_info["p99_ratio"] = mine.at(0.99) / peer.at(0.99)
    assert theirs.scrape().count("node_infiniband_state_id{") == PORTS
