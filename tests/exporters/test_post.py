"""A post, told what happens second by second."""

from exporters.facility import ATTACHED, Cycle, End, Outcome, State
from exporters.moment import Moment
from exporters.post import Action, Pace, Post
from tests.exporters.samples import at, outcome

PACE = Pace.of(5.0, epoch=0.0)


class Watched:
    """A post and the cycles it handed on."""

    def __init__(self, *, lasting: bool = True) -> None:
        self.cycles: list[Cycle] = []
        self.wanted = True
        self.post = Post(
            key="gpu 0",
            family="gpu",
            target=dict,
            order=("xid", "memory"),
            pace=PACE,
            fold=self.take,
            lasting=lasting,
            wanted=lambda: self.wanted,
        )

    def take(self, cycle: Cycle, _now: Moment) -> None:
        self.cycles.append(cycle)

    def started(self) -> Post:
        """Return the post with a worker that has opened its device at second 1."""
        assert self.post.step(at(0)) is Action.START
        self.post.received(outcome(ATTACHED), at(1))
        return self.post

    def idle(self) -> Post:
        """Return the post with a worker that has answered at second 2."""
        self.started().received((End.OK, ""), at(2))
        return self.post


def test_a_post_starts_its_worker_at_once_and_orders_at_whole_intervals() -> None:
    post = Watched().idle()

    assert post.step(at(4.9)) is None
    assert post.step(at(5.0)) is Action.ORDER
    during = post.reading
    post.received((End.OK, ""), at(5.1))
    assert (during, post.reading) == (True, False)
    assert post.wake == 10


def test_a_cycle_is_handed_on_with_all_it_sent() -> None:
    watched = Watched()
    post = watched.started()

    post.received(outcome("memory"), at(1.5))
    post.received((End.OK, ""), at(2))

    (cycle,) = watched.cycles
    assert [o.facility for o in cycle.outcomes] == [ATTACHED, "memory"]
    assert cycle.complete


def test_opening_a_device_may_take_two_minutes() -> None:
    watched = Watched()
    watched.post.step(at(0))

    assert watched.post.step(at(119)) is None
    assert watched.post.step(at(120)) is Action.TERMINATE
    assert watched.cycles[0].end is End.HUNG
    assert watched.cycles[0].problem == "no answer from the device when it was opened"


def test_a_facility_past_one_interval_is_hung_and_named() -> None:
    watched = Watched()
    post = watched.started()
    post.received(outcome("xid"), at(3))

    assert post.step(at(7.9)) is None
    assert post.step(at(8)) is Action.TERMINATE

    (cycle,) = watched.cycles
    assert cycle.end is End.HUNG
    assert cycle.problem == "no answer from memory"
    assert post.ends == {End.HUNG: 1, End.DIED: 0}


def test_a_cycle_past_two_intervals_is_hung_though_each_facility_was_in_time() -> None:
    watched = Watched()
    post = watched.started()
    for second in (4, 7, 10):
        post.received(outcome("xid"), at(second))

    assert post.step(at(10.9)) is None
    assert post.step(at(11)) is Action.TERMINATE


def test_a_time_in_which_the_program_itself_stood_still_counts_for_no_worker() -> None:
    watched, idle = Watched(), Watched().idle()
    post = watched.started()

    post.excuse(60)
    idle.excuse(60)

    assert post.step(at(65.9)) is None
    post.received(outcome("xid"), at(65.9))
    assert post.step(at(70.8)) is None
    assert post.step(at(70.9)) is Action.TERMINATE
    assert idle.step(at(5)) is Action.ORDER


def test_a_worker_that_does_not_end_when_asked_is_killed_once() -> None:
    post = Watched().started()
    post.step(at(6))

    assert post.step(at(6.5)) is None
    assert post.step(at(7)) is Action.KILL
    assert post.step(at(1000)) is None


def test_a_successor_starts_only_once_the_worker_is_reaped_and_then_at_once() -> None:
    post = Watched().started()
    post.step(at(6))
    post.step(at(7))

    assert post.step(at(300)) is None
    post.ended("Killed", at(300))

    assert post.step(at(300)) is Action.START


def test_patience_with_a_device_that_hangs_doubles_up_to_a_minute_and_ends_with_an_answer() -> None:
    watched = Watched()
    post, now, waits = watched.started(), 1.0, []
    for _ in range(6):
        waits.append(post.wake - now)
        now = post.wake
        assert post.step(at(now)) is Action.TERMINATE
        post.ended("Terminated", at(now))
        assert post.step(at(now)) is Action.START
        post.received(outcome(ATTACHED), at(now))

    post.received((End.OK, ""), at(now))
    post.step(at(post.wake))

    assert waits == [5, 10, 20, 40, 60, 60]
    assert post.wake % 5 == 0
    assert watched.cycles[-1].complete


def test_a_sign_of_return_ends_the_wait_and_the_patience() -> None:
    waits, hangs = Watched().post, Watched().started()
    waits.step(at(0))
    waits.received((End.LOST, "gone"), at(0))
    waits.ended("exit code 0", at(0))
    for _ in range(4):
        hangs.step(at(hangs.wake))
        hangs.ended("Terminated", at(300))
        hangs.step(at(300))
        hangs.received(outcome(ATTACHED), at(300))

    waits.hasten(at(1))
    hangs.hasten(at(301))

    assert waits.step(at(1)) is Action.START
    assert hangs.wake == 311


def test_a_post_that_is_not_wanted_is_emptied_and_filled_again_without_a_failure() -> None:
    watched = Watched()
    post = watched.started()
    watched.wanted = False

    assert post.step(at(2)) is Action.TERMINATE
    assert post.step(at(2)) is None
    assert post.step(at(3)) is Action.KILL
    post.received((End.OK, ""), at(3))
    post.ended("Killed", at(3))
    assert post.step(at(900)) is None
    assert post.wake == float("inf")
    watched.wanted = True
    assert post.step(at(901)) is Action.START

    assert watched.cycles == []
    assert sum(post.ends.values()) == 0


def test_the_wait_before_a_successor_doubles_up_to_a_minute() -> None:
    watched = Watched()
    post, now, waits = watched.post, 0.0, []
    for _ in range(6):
        assert post.step(at(now)) is Action.START
        post.received((End.LOST, "gone"), at(now))
        post.ended("exit code 0", at(now))
        waits.append(post.wake - now)
        now = post.wake

    assert waits == [5, 10, 20, 40, 60, 60]


def test_an_answer_ends_the_waits() -> None:
    post = Watched().started()
    post.received((End.LOST, ""), at(1))
    post.ended("exit code 0", at(1))
    post.step(at(6))
    post.received(outcome(ATTACHED), at(6))
    post.received((End.OK, ""), at(6))
    post.step(at(10))
    post.received((End.LOST, ""), at(10))
    post.ended("exit code 0", at(10))

    assert post.wake == 15


def test_an_answer_after_the_deadline_counts_for_nothing() -> None:
    watched = Watched()
    post = watched.started()
    post.step(at(6))

    post.received((End.OK, ""), at(6.5))

    assert [cycle.end for cycle in watched.cycles] == [End.HUNG]


def test_a_worker_that_dies_is_told_of_with_what_it_had_sent() -> None:
    watched = Watched()
    post = watched.started()
    post.received(Outcome(facility="xid", state=State.OK), at(1))

    post.ended("Segmentation fault", at(2))

    (cycle,) = watched.cycles
    assert cycle.end is End.DIED
    assert cycle.problem == "the worker ended: Segmentation fault"
    assert len(cycle.outcomes) == 2
    assert post.ends[End.DIED] == 1


def test_a_worker_that_dies_between_orders_is_told_of_too() -> None:
    watched = Watched()

    watched.idle().ended("Killed", at(3))

    assert [cycle.end for cycle in watched.cycles] == [End.OK, End.DIED]


def test_a_worker_for_one_cycle_may_leave() -> None:
    watched = Watched(lasting=False)
    post = watched.idle()

    post.ended("exit code 0", at(2))

    assert [cycle.end for cycle in watched.cycles] == [End.OK]
    assert post.step(at(4)) is None
    assert post.step(at(5)) is Action.START


def test_a_cycles_deadline_suits_the_interval() -> None:
    deadlines = {interval: Pace.of(interval, 0).cycle for interval in (0.1, 5, 60)}

    assert deadlines == {0.1: 2, 5: 10, 60: 30}
