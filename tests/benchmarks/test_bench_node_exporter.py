"""Sixteen ports with all their counters, beside node_exporter's infiniband collector.

Both run as they are run in a cluster, on the same tree at the same time; bytes and packets of every
port move between cycles. Cycles of ours and scrapes of theirs alternate, so that whatever else the
machine does meets both alike; CPU is what the kernel counted for all processes of each, threads
that have ended too, and the ratio is the median of blocks. Ours is told twice: the cycle alone,
which is what collecting costs, and with a scrape each cycle, as node_exporter's number has it.
"""

import os
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from testbed.sysfs import SimulatedSysfs
from tests.exporters.compat.peer import NodeExporter, node_exporter
from tests.exporters.running import Exporter, Hardware, exporter, hardware

T = TypeVar("T")

PORTS = 16
INTERVAL = 0.5
BLOCKS, OF = 6, 20
"""Blocks of so many cycles and scrapes."""
USUAL = 5.0
"""Seconds: the default interval."""
USUAL_CYCLES = 4
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


@pytest.fixture
def ours(on: Hardware, request: pytest.FixtureRequest) -> Iterator[Exporter]:
    interval = getattr(request, "param", INTERVAL)
    with exporter(on, *ONLY_RDMA, interval=f"{1000 * interval:.0f}ms") as running:
        for _ in range(WARM):
            running.get()
        time.sleep(2)  # so that what was made a moment ago is settled
        yield running


def once(benchmark: BenchmarkFixture, act: Callable[[], T]) -> T:
    """Run something once under pytest-benchmark, and return what it returns."""
    pedantic: Callable[..., T] = benchmark.pedantic
    return pedantic(act, rounds=1)


def cpu_seconds(pids: list[int]) -> float:
    """Return how long all threads of these processes have run, to the nanosecond."""
    return sum(time.clock_gettime(~pid << 3 | 2) for pid in pids)  # CPUCLOCK_SCHED of a process


@dataclass(frozen=True)
class Cost:
    """Seconds of CPU for one cycle of ours, and for one scrape of theirs."""

    mine: float
    peer: float

    @property
    def ratio(self) -> float:
        return self.mine / self.peer


@dataclass(frozen=True)
class Pair:
    """Both programs, on one tree."""

    on: Hardware
    ours: Exporter
    theirs: NodeExporter

    def block(self, cycles: int, interval: float, *, scraped: bool) -> Cost:
        """Let about so many cycles go by, each with a scrape of theirs.

        On a busy machine a scrape takes its time, and ours has its next cycle meanwhile: how many
        there were is told by the clock.
        """
        before, began = self._cpu(), time.monotonic()
        for cycle in range(cycles):
            move(self.on.sysfs, to=1_000_000_000 + cycle)
            time.sleep(interval)
            self.theirs.scrape()
            if scraped:
                self.ours.get()
        after, took = self._cpu(), time.monotonic() - began
        return Cost((after[0] - before[0]) * interval / took, (after[1] - before[1]) / cycles)

    def _cpu(self) -> tuple[float, float]:
        return cpu_seconds(self.ours.processes()), cpu_seconds([self.theirs.process.pid])


def told(what: str, found: list[Cost]) -> tuple[str, float]:
    """Return the figures as a line, and the ratio that is the median of the blocks'."""
    ratios = sorted(one.ratio for one in found)
    mine, peer = (statistics.median(getattr(one, of) for one in found) for of in ("mine", "peer"))
    line = (
        f"16 ports: CPU of {what} {mine * 1e3:.1f} ms, of a node_exporter scrape {peer * 1e3:.1f} "
        f"ms: ratio {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
    )
    return line, statistics.median(ratios)


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
    pair = Pair(on, ours, theirs)

    def blocks() -> tuple[list[Cost], list[Cost]]:
        both = [
            (
                pair.block(OF, INTERVAL, scraped=False),
                pair.block(OF, INTERVAL, scraped=True),
            )
            for _ in range(BLOCKS)
        ]
        return [one for one, _ in both], [one for _, one in both]

    alone, scraped = once(benchmark, blocks)

    cycle, ratio = told("a cycle", alone)
    both, with_scrape = told("a cycle and a scrape", scraped)
    with capsys.disabled():
        print(f"\n{cycle}\n{both}; load {os.getloadavg()[0]:.1f}")
    benchmark.extra_info |= {"cpu_ratio": ratio, "cpu_ratio_with_a_scrape": with_scrape}
    assert all(cost.mine > 0 for cost in alone)
    assert ours.scrape().all("railwatch_rdma_port_receive_bytes_total")


@pytest.mark.parametrize("ours", [USUAL], indirect=True)
def test_cpu_at_the_usual_interval(
    benchmark: BenchmarkFixture,
    on: Hardware,
    ours: Exporter,
    theirs: NodeExporter,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pair = Pair(on, ours, theirs)

    cost = once(benchmark, lambda: pair.block(USUAL_CYCLES, USUAL, scraped=True))

    line, _ = told("a cycle and a scrape every 5 s", [cost])
    with capsys.disabled():
        print(f"\n{line}; {100 * cost.mine / USUAL:.2f} % of a core")
    benchmark.extra_info["core_percent"] = 100 * cost.mine / USUAL
    assert cost.mine > 0


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
