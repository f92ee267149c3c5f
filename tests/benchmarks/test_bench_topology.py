"""A look at the topology of an HGX H100, beside the plain reading of the files it is made from."""

from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from exporters.settings import Settings
from exporters.topology.worker import attach
from testbed.sysfs.pci import PciBus

FILES = (
    "class", "vendor", "numa_node", "max_link_speed", "max_link_width", "current_link_width",
)  # fmt: skip

pytestmark = pytest.mark.benchmark(group="topology of 8 GPUs and 11 NICs")


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> PciBus:
    return PciBus.hgx_h100(tmp_path_factory.mktemp("node"))


def test_railwatch(benchmark: BenchmarkFixture, bus: PciBus) -> None:
    session = attach(Settings(sysfs=str(bus.sysfs), procfs=str(bus.procfs)), {})

    outcomes = benchmark(lambda: list(session.cycle()))

    assert sum(len(outcome.samples) for outcome in outcomes) == 9 + 8 + 8


def test_plain_reading(benchmark: BenchmarkFixture, bus: PciBus) -> None:
    def read() -> list[bytes]:
        functions = (bus.sysfs / "bus/pci/devices").iterdir()
        return [(at / file).read_bytes() for at in functions for file in FILES if _there(at / file)]

    assert len(benchmark(read)) > 200


def _there(file: Path) -> bool:
    return file.exists()
