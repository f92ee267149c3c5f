"""A fabric of 1,024 HCAs on ibsim: discovered by the real tools and turned into topology."""

from collections.abc import Iterator

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from exporters.fabric.worker import attach
from exporters.facility import State
from exporters.settings import Settings
from testbed.ibsim import PACKAGES, SimulatedFabric, rails
from tests.packages import needs

HCAS = 1024
SWITCHES = 4 * 8 + 16

pytestmark = [pytest.mark.benchmark(group="a fabric of 1,024 HCAs"), needs(*PACKAGES)]


@pytest.fixture(scope="module")
def fabric() -> Iterator[SimulatedFabric]:
    plan = rails(units=4, hosts=32, indices=8, spines=16)
    assert len(plan.hcas) == HCAS
    with SimulatedFabric(plan) as simulated, pytest.MonkeyPatch.context() as patch:
        for name, value in simulated.environment.items():
            patch.setenv(name, value)
        yield simulated


def settings(*facilities: str) -> Settings:
    return Settings(
        facilities=frozenset(f"fabric.{name}" for name in facilities), fabric_mad_rate=1e6
    )


def test_topology(benchmark: BenchmarkFixture, fabric: SimulatedFabric) -> None:
    session = attach(settings("topology", "links"), {})

    topology, links = benchmark(lambda: list(session.cycle()))

    assert topology.state is links.state is State.OK
    named = [s for s in topology.samples if s.metric.name == "railwatch_fabric_hca_info"]
    assert len(named) == HCAS


def test_counters(benchmark: BenchmarkFixture, fabric: SimulatedFabric) -> None:
    session = attach(settings("topology", "counters"), {})
    list(session.cycle())

    _, counters = benchmark(lambda: list(session.cycle()))

    downed = [s for s in counters.samples if "link_downed" in s.metric.name]
    assert len(downed) == HCAS + 2 * 4 * 8 * 16
