"""Collecting 16 ports with all their counters, beside the plain reading of the same files."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from exporters import frames
from exporters.rdma.worker import attach
from exporters.settings import Settings
from testbed.sysfs import SimulatedSysfs
from testbed.sysfs.hardware import COUNTER_BITS, HW_COUNTERS

PORTS = 16
FILES = PORTS * (len(COUNTER_BITS) + len(HW_COUNTERS) + 1)
"""Counters, and lifespan."""

pytestmark = pytest.mark.benchmark(group="16 RDMA ports")


@pytest.fixture(scope="module")
def sysfs() -> Iterator[Path]:
    with SimulatedSysfs(ports=PORTS) as made:
        yield made.path


def test_railwatch(benchmark: BenchmarkFixture, sysfs: Path) -> None:
    session = attach(Settings(sysfs=str(sysfs)), {})

    outcomes = benchmark(lambda: list(session.cycle()))

    assert sum(len(o.samples) for o in outcomes if o.facility != "port") == FILES + PORTS


def test_railwatch_with_the_way_to_the_program(benchmark: BenchmarkFixture, sysfs: Path) -> None:
    session = attach(Settings(sysfs=str(sysfs)), {})

    def collect() -> int:
        reader = frames.Reader()
        sent = b"".join(frames.encode(outcome) for outcome in session.cycle())
        return sum(len(m.samples) for m in reader.feed(sent) if not isinstance(m, tuple))

    assert benchmark(collect) == FILES + PORTS + PORTS * 5


def test_plain_reading(benchmark: BenchmarkFixture, sysfs: Path) -> None:
    def read() -> list[int]:
        folders = sysfs.glob("class/infiniband/*/ports/*/*counters")
        return [int(file.read_bytes()) for folder in folders for file in folder.iterdir()]

    assert len(benchmark(read)) == FILES
