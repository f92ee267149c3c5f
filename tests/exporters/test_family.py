"""A family that one worker reads."""

from catalog.rdma import RDMA_PORT_LINK_DOWNED, RDMA_PORT_STATE
from exporters.facility import End, Outcome, State
from exporters.family import SoloFamily
from exporters.ledger import Standing
from exporters.post import Pace
from exporters.rdma.family import RdmaFamily
from exporters.registry import RDMA
from exporters.sample import Sample
from exporters.settings import Settings
from tests.exporters.samples import at, cycle, outcome

PACE = Pace.of(5.0, epoch=0.0)
ACTIVE = outcome("port", Sample(RDMA_PORT_STATE, ("mlx5_0", "1"), 4))
COUNTERS = outcome("counters", Sample(RDMA_PORT_LINK_DOWNED, ("mlx5_0", "1"), 2))


def standings(of: SoloFamily | RdmaFamily, seconds: float) -> dict[str, Standing]:
    return {s.facility: s for s in of.standings(at(seconds))}


def test_it_begins_with_everything_starting() -> None:
    family = SoloFamily(RDMA, Settings(), PACE)

    assert {s.state for s in family.standings(at(0))} == {State.STARTING}
    assert not family.settled


def test_readings_are_shown_for_three_intervals() -> None:
    family = SoloFamily(RDMA, Settings(), PACE)

    family.fold(cycle(ACTIVE, COUNTERS), at(10))

    assert len(list(family.samples(at(25)))) == 2
    assert list(family.samples(at(25.1))) == []


def test_a_hang_costs_the_facility_it_hangs_in_and_those_after() -> None:
    family = SoloFamily(RDMA, Settings(), PACE)
    family.fold(cycle(ACTIVE, COUNTERS), at(10))

    family.fold(cycle(ACTIVE, end=End.HUNG, problem="no answer from counters"), at(30))

    found = standings(family, 31)
    assert (found["port"].state, found["port"].age) == (State.OK, 1)
    assert (found["counters"].state, found["counters"].age) == (State.HUNG, 21)
    assert found["counters"].problem == "no answer from counters"
    assert [s.metric for s in family.samples(at(31))] == [RDMA_PORT_STATE]


def test_a_failure_keeps_the_age_of_the_last_success() -> None:
    family = SoloFamily(RDMA, Settings(), PACE)
    family.fold(cycle(ACTIVE, COUNTERS), at(10))

    failed = Outcome(facility="port", state=State.FAILED, samples=ACTIVE.samples, problem="EIO")
    family.fold(cycle(failed, COUNTERS), at(15))

    assert standings(family, 15)["port"].age == 5
    assert standings(family, 15)["port"].problem == "EIO"
    assert len(list(family.samples(at(15)))) == 2


def test_a_worker_that_dies_fails_every_facility() -> None:
    family = SoloFamily(RDMA, Settings(), PACE)

    family.fold(cycle(end=End.DIED), at(1))

    assert {s.state for s in family.standings(at(1))} == {State.FAILED}


def test_without_the_port_facility_nothing_can_be_learned() -> None:
    keys = Settings().facilities - {"rdma.port"}

    family = RdmaFamily(Settings(facilities=keys), PACE)

    assert standings(family, 0)["inventory"].state is State.ABSENT
