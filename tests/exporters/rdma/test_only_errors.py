"""An RDMA device whose firmware is gone: it is listed, it hangs nowhere, and it answers nothing."""

from collections.abc import Iterator

import pytest

from catalog.rdma import RDMA_DEVICE_STATE, RDMA_PORT_INFO
from exporters.facility import Cycle, End, Outcome, State
from exporters.post import Pace
from exporters.rdma.family import RdmaFamily
from exporters.rdma.worker import attach
from exporters.settings import Settings
from testbed.sysfs import SimulatedSysfs
from tests.exporters.samples import at

PORT = "class/infiniband/{}/ports/1"


@pytest.fixture
def sysfs() -> Iterator[SimulatedSysfs]:
    with SimulatedSysfs(ports=2) as made:
        yield made


def fail(sysfs: SimulatedSysfs, device: str, *files: str) -> None:
    for file in files:
        sysfs.make_unreadable(f"{PORT.format(device)}/{file}")


def read(sysfs: SimulatedSysfs, times: int = 1) -> RdmaFamily:
    settings = Settings(sysfs=str(sysfs.path))
    family = RdmaFamily(settings, Pace.of(5.0, epoch=0.0))
    session = attach(settings, family.readers[0].post.target())
    for time in range(times):
        told: tuple[Outcome, ...] = tuple(session.cycle())
        family.readers[0].fold(Cycle(outcomes=told, end=End.OK), at(time))
    return family


def states(family: RdmaFamily) -> dict[str, str]:
    told = [s for s in family.samples(at(1)) if s.metric is RDMA_DEVICE_STATE and s.value]
    return {s.labels[0]: s.labels[1] for s in told}


def test_it_is_unreadable_and_known_by_name_and_blinds_no_other(sysfs: SimulatedSysfs) -> None:
    fail(sysfs, "mlx5_1", "state", "phys_state", "rate")

    family = read(sysfs, times=2)

    assert states(family) == {"mlx5_0": "ok", "mlx5_1": "unreadable"}
    assert {s.labels[0] for s in family.samples(at(1)) if s.metric is RDMA_PORT_INFO} == {
        "mlx5_0",
        "mlx5_1",
    }
    standing = {one.facility: one.state for one in family.standings(at(1))}
    assert standing["port"] is State.OK
    assert family.avoided() == ["mlx5_1"]


def test_where_it_is_all_there_is_the_facility_has_failed_and_says_at_what(
    sysfs: SimulatedSysfs,
) -> None:
    for device in ("mlx5_0", "mlx5_1"):
        fail(sysfs, device, "state")

    standing = {one.facility: one for one in read(sysfs).standings(at(1))}

    assert standing["port"].state is State.FAILED
    assert "mlx5_0/ports/1/state" in standing["port"].problem


def test_one_that_tells_its_state_and_nothing_else_answers(sysfs: SimulatedSysfs) -> None:
    fail(sysfs, "mlx5_1", "phys_state", "rate", "counters/symbol_error", "counters/port_rcv_data")

    assert states(read(sysfs)) == {"mlx5_0": "ok", "mlx5_1": "ok"}
