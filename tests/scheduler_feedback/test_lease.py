"""Leader election: never two, also when one was paused."""

import re
from dataclasses import replace

import pytest

from scheduler_feedback.errors import Forbidden, Unreachable
from scheduler_feedback.lease import Elector, Lease
from tests.scheduler_feedback.fakes import WHERE, Clock, FakeLeases


def elector(leases: FakeLeases, identity: str, clock: Clock) -> Elector:
    namespace, name = WHERE
    return Elector(
        leases, namespace=namespace, name=name, identity=identity, duration=15, clock=clock
    )


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_the_first_takes_the_lease_and_the_second_waits(clock: Clock) -> None:
    leases = FakeLeases()
    one, two = elector(leases, "one", clock), elector(leases, "two", clock)

    one.attempt()
    two.attempt()

    assert (one.leading, two.leading) == (True, False)
    assert leases.lease is not None
    assert leases.lease.holder == "one"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", leases.lease.renewed)


def test_a_paused_leader_stops_leading_before_another_may_take_over(clock: Clock) -> None:
    leases = FakeLeases()
    one, two = elector(leases, "one", clock), elector(leases, "two", clock)
    one.attempt()
    two.attempt()

    clock.now += 10
    two.attempt()
    assert (one.leading, two.leading) == (False, False)
    clock.now += 6
    two.attempt()
    assert (one.leading, two.leading) == (False, True)
    one.attempt()
    assert (one.leading, two.leading) == (False, True)


def test_a_leader_that_renews_keeps_the_lease_and_the_time_it_took_it(clock: Clock) -> None:
    leases = FakeLeases()
    one, two = elector(leases, "one", clock), elector(leases, "two", clock)
    one.attempt()
    assert leases.lease is not None
    acquired = leases.lease.acquired

    for _ in range(20):
        clock.now += 3
        one.attempt()
        two.attempt()

    assert (one.leading, two.leading) == (True, False)
    assert (leases.lease.acquired, leases.lease.transitions) == (acquired, 0)


def test_a_lease_given_up_is_free_at_once(clock: Clock) -> None:
    leases = FakeLeases()
    one, two = elector(leases, "one", clock), elector(leases, "two", clock)
    one.attempt()
    two.attempt()

    one.release()
    two.attempt()

    assert (one.leading, two.leading) == (False, True)
    assert leases.lease is not None
    assert leases.lease.transitions == 1


def test_a_leader_keeps_leading_through_a_short_outage_and_no_longer(clock: Clock) -> None:
    leases = FakeLeases()
    one = elector(leases, "one", clock)
    one.attempt()
    leases.down = Unreachable("down")

    clock.now += 9
    one.attempt()
    assert one.leading
    clock.now += 2
    one.attempt()
    assert not one.leading


def test_who_writes_second_does_not_lead(clock: Clock) -> None:
    class Racing(FakeLeases):
        def read_lease(self, namespace: str, name: str) -> Lease | None:
            seen = super().read_lease(namespace, name)
            if seen is not None:
                self.lease = replace(seen, holder="other", version="99")
            return seen

    free = Lease(holder="", seconds=1, acquired="", renewed="", version="3")
    one = elector(Racing(lease=free), "one", clock)

    one.attempt()

    assert not one.leading


def test_a_lease_that_may_not_be_read_is_logged_once(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    one = elector(FakeLeases(down=Forbidden("no")), "one", clock)

    one.attempt()
    one.attempt()

    assert [record.getMessage() for record in caplog.records] == ["lease unreadable"]
    assert not one.leading
