"""Leader election: never two, also when one was paused."""

import re
import threading
from dataclasses import dataclass, replace

import pytest

from program.election import Elector, Errors, Lease, identity
from testbed.waiting import PATIENCE, wait_until

WHERE = ("railwatch", "railwatch-bridge")


class FailureError(Exception):
    """The server did not do it."""


class ConflictError(FailureError):
    """Another was first."""


class Clock:
    """A clock that goes only when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass(slots=True)
class FakeLeases:
    """One Lease, with the optimistic locking of a real one."""

    lease: Lease | None = None
    down: FailureError | None = None

    def read_lease(self, namespace: str, name: str) -> Lease | None:
        assert (namespace, name) == WHERE
        if self.down:
            raise self.down
        return self.lease

    def write_lease(self, namespace: str, name: str, lease: Lease) -> Lease:
        assert (namespace, name) == WHERE
        if self.down:
            raise self.down
        if lease.version != (self.lease.version if self.lease else ""):
            raise ConflictError("the Lease has changed")
        self.lease = replace(lease, version=str(int(lease.version or 0) + 1))
        return self.lease


def elector(leases: FakeLeases, identity: str, clock: Clock) -> Elector:
    namespace, name = WHERE
    errors = Errors(conflict=ConflictError, failure=FailureError)
    return Elector(
        leases,
        errors,
        namespace=namespace,
        name=name,
        identity=identity,
        duration=15,
        clock=clock,
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
    assert (two.holder, two.error) == ("one", None)
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
    leases.down = FailureError("down")

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
    one = elector(FakeLeases(down=FailureError("no")), "one", clock)

    one.attempt()
    one.attempt()

    assert [record.getMessage() for record in caplog.records] == ["lease not reachable"]
    assert not one.leading


def test_who_wins_is_told_and_who_cannot_ask_says_why() -> None:
    won = threading.Event()
    leases, stop = FakeLeases(), threading.Event()
    namespace, name = WHERE
    errors = Errors(conflict=ConflictError, failure=FailureError)
    one = Elector(
        leases,
        errors,
        namespace=namespace,
        name=name,
        identity=identity(),
        duration=1,
        on_lead=won.set,
    )
    thread = threading.Thread(target=one.run, args=(stop,))
    thread.start()

    assert won.wait(PATIENCE)
    leases.down = FailureError("away")
    wait_until(lambda: not one.leading, what="leadership ends by our own clock")
    wait_until(lambda: one.error == "away", what="it has asked in vain")
    stop.set()
    thread.join(PATIENCE)

    assert not thread.is_alive()


def test_a_lease_is_on_the_wire_what_it_is_here() -> None:
    lease = Lease(holder="a", seconds=15, acquired="t0", renewed="t1", transitions=3, version="7")

    assert Lease.parse(lease.dump(*WHERE)) == lease


def test_no_two_replicas_are_called_the_same() -> None:
    assert identity() != identity()
