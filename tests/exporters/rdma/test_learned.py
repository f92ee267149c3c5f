"""Ports that are expected after a restart or a reboot, as the machine is known to have them."""

from pathlib import Path
from typing import Any

import pytest

from catalog.rdma import RDMA_PORT_INFO, RDMA_PORT_RATE, RDMA_PORT_STATE
from exporters.keeping import Keeping
from exporters.machine import Machine
from exporters.rdma.learned import SECTION, Learned
from exporters.rdma.memory import Memory
from exporters.sample import Sample
from tests.exporters.samples import at, cycle, outcome

MACHINE = Machine(serial="SIM1")
INTERVAL = 5.0
PERIOD = 12 * INTERVAL
FIRST, SECOND = "0000:18:00.0", "0000:3b:00.0"
RATE = 50e9


class Program:
    """One run of the program: what it remembers of ports, and keeps in a directory."""

    def __init__(self, directory: Path, machine: Machine = MACHINE) -> None:
        self.directory = directory
        self.keeping = Keeping(str(directory), machine)
        learned = Learned(self.keeping, INTERVAL)
        self.memory = Memory(["inventory"], INTERVAL, learned=learned)

    def see(self, seconds: float, *ports: Sample) -> None:
        self.memory.take(cycle(outcome("port", *ports)), at(seconds))

    def see_healthy(self, *ports: Sample, since: float = 0.0) -> None:
        """See ports for as long as it takes to learn them."""
        for step in range(13):
            self.see(since + step * INTERVAL, *ports)

    def expected(self, elsewhere: tuple[str, ...] = ()) -> dict[tuple[str, ...], float]:
        told = self.memory.samples(elsewhere, at(1000))
        return {(s.metric.name.removeprefix("railwatch_rdma_"), *s.labels): s.value for s in told}

    def names(self, elsewhere: tuple[str, ...] = ()) -> set[str]:
        return {key[1] for key in self.expected(elsewhere) if key[0] == "port_expected"}

    def end(self) -> None:
        assert self.keeping.flush(5)


def seen(device: str, address: str, state: int = 4) -> list[Sample]:
    values = dict.fromkeys(RDMA_PORT_INFO.labels, "")
    values |= {"device": device, "port": "1", "pci_bus_id": address}
    return [
        Sample(RDMA_PORT_INFO, tuple(values.values()), 1),
        Sample(RDMA_PORT_STATE, (device, "1"), state),
        Sample(RDMA_PORT_RATE, (device, "1"), RATE),
    ]


BOTH = (*seen("mlx5_0", FIRST), *seen("mlx5_1", SECOND))


@pytest.fixture
def restarted(tmp_path: Path) -> Program:
    """Return a program that was started where two ports had been learned."""
    before = Program(tmp_path)
    before.see_healthy(*BOTH)
    before.end()
    return Program(tmp_path)


def test_ports_are_expected_before_any_was_read(restarted: Program) -> None:
    found = restarted.expected()

    assert found["port_expected", "mlx5_0", "1", "learned"] == 1
    assert found["port_expected_rate_bytes_per_second", "mlx5_1", "1", "learned"] == RATE
    assert found["ports_expected", "learned"] == 2


def test_a_port_that_is_dead_at_boot_is_missed(restarted: Program) -> None:
    restarted.see_healthy(*seen("mlx5_0", FIRST))

    assert restarted.names() == {"mlx5_0", "mlx5_1"}


def test_a_device_that_has_anothers_name_now_does_not_hide_that_one(restarted: Program) -> None:
    restarted.see(0, *seen("mlx5_0", SECOND))

    assert restarted.names() == {"mlx5_0", FIRST}


def test_a_device_that_was_never_seen_here_is_known_where_it_is_elsewhere(
    restarted: Program,
) -> None:
    assert restarted.memory.device_at(SECOND) == "mlx5_1"
    assert restarted.names(elsewhere=("mlx5_1",)) == {"mlx5_0"}


def test_what_was_up_for_less_than_the_period_is_not_kept(tmp_path: Path) -> None:
    before = Program(tmp_path)
    for seconds in (0.0, PERIOD / 2, PERIOD - 1):
        before.see(seconds, *BOTH)
    before.see(PERIOD, *seen("mlx5_0", FIRST, state=1), *seen("mlx5_1", SECOND))
    before.see(PERIOD + 10 * INTERVAL, *BOTH)
    before.keeping.keep("other", {})
    before.end()

    assert Program(tmp_path).names() == set()


def test_what_was_learned_stays_while_it_is_down_and_grows(restarted: Program) -> None:
    restarted.see_healthy(*seen("mlx5_0", FIRST, state=1), *seen("mlx5_2", "0000:5e:00.0"))
    restarted.end()

    assert Program(restarted.directory).names() == {"mlx5_0", "mlx5_1", "mlx5_2"}


def test_another_machine_learns_anew(restarted: Program) -> None:
    directory = restarted.directory

    assert Program(directory, Machine(serial="SIM2")).names() == set()


@pytest.mark.parametrize(
    "section",
    [
        [],
        {},
        {"ports": 7},
        {"ports": [7]},
        {"ports": [{"device": "a", "port": "1", "place": "b"}]},
        {"ports": [{"device": "a", "port": "1", "place": "b", "rate": "x"}]},
        {"ports": [{"device": "a", "port": "1", "place": "b", "rate": float("nan")}]},
        {"ports": [{"device": "a", "port": "1", "place": "b", "rate": -1}]},
    ],
)
def test_what_is_damaged_is_said_and_learned_anew(
    tmp_path: Path, section: Any, caplog: pytest.LogCaptureFixture
) -> None:
    damaged = Keeping(str(tmp_path), MACHINE)
    damaged.keep(SECTION, section)
    assert damaged.flush(5)

    assert Program(tmp_path).names() == set()
    assert "kept RDMA ports left aside" in caplog.text
