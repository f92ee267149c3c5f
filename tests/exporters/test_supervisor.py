"""Carrying out what posts ask for, on a machine that stands still now and then."""

import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

import pytest

from exporters.facility import ATTACHED
from exporters.post import Pace, Post
from exporters.supervisor import Supervisor
from exporters.zygote import Zygote
from tests.exporters.samples import at, outcome


class Clock:
    """Tells one time after the other."""

    def __init__(self) -> None:
        self.times = [0.0]

    def monotonic(self) -> float:
        return self.times.pop(0) if len(self.times) > 1 else self.times[0]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("exporters.supervisor.time", made)
    return made


@pytest.fixture
def supervisor(clock: Clock) -> Iterator[Supervisor]:
    assert clock.times == [0.0], "the supervisor begins at zero"
    ours, theirs = socket.socketpair()
    with ours, theirs:
        zygote = SimpleNamespace(socket=ours, stop=lambda: None)
        made = Supervisor(cast("Zygote", zygote))
        yield made
        made.close()


def reading() -> Post:
    """Return a post whose worker has to answer until second 6."""
    made = Post(
        key="gpu 0",
        family="gpu",
        target=dict,
        order=("xid",),
        pace=Pace.of(5.0, epoch=0.0),
        fold=lambda _cycle, _now: None,
    )
    made.step(at(0))
    made.received(outcome(ATTACHED), at(1))
    return made


def test_a_program_that_was_not_let_run_gives_its_workers_that_time(
    supervisor: Supervisor, clock: Clock
) -> None:
    post = reading()
    supervisor.employ([post])
    clock.times = [2.0, 9.0]

    stood_still = supervisor.wait(0)

    assert (stood_still, post.wake) == (True, 6 + 7)


def test_one_that_comes_late_by_its_own_work_is_told_so_once(
    supervisor: Supervisor, clock: Clock
) -> None:
    post = reading()
    supervisor.employ([post])
    clock.times = [9.0, 9.0]

    stood_still = [supervisor.wait(-7), supervisor.wait(-7)]

    assert (stood_still, post.wake) == ([True, False], 6 + 7)


def test_a_wait_that_is_over_in_time_changes_nothing(supervisor: Supervisor, clock: Clock) -> None:
    post = reading()
    supervisor.employ([post])
    clock.times = [2.0, 2.3]

    assert not supervisor.wait(0)

    assert post.wake == 6
