"""Facilities stand alone, and a worker does what it is ordered to."""

import socket
import threading
from collections.abc import Iterator

import pytest

from catalog.gpu import GPU_TEMPERATURE
from exporters.errors import Absent, DeviceLost, NoDriver, ResetRequired, Unreadable
from exporters.facility import ATTACHED, End, Facility, Outcome, State
from exporters.frames import Message, Reader
from exporters.runtime import Session, run, work
from exporters.sample import Note, Sample

SAMPLE = Sample(GPU_TEMPERATURE, ("0", "GPU"), 40)


def works(_device: str) -> Iterator[Sample]:
    yield SAMPLE


def raises(error: Exception) -> Facility[str]:
    def reading(_device: str) -> Iterator[Sample]:
        yield SAMPLE
        raise error

    return Facility(family="f", name="f", reads="", readings=(reading, works))


@pytest.mark.parametrize(
    ("error", "state", "problem"),
    [
        (Absent("not here"), State.OK, ""),
        (Unreadable("/sys/x: EIO"), State.FAILED, "/sys/x: EIO"),
        (ZeroDivisionError("oops"), State.FAILED, "ZeroDivisionError: oops"),
        (ResetRequired("call: reset"), State.FAILED, "call: reset"),
    ],
)
def test_a_reading_that_raises_costs_only_what_it_had_not_yielded(
    error: Exception, state: State, problem: str
) -> None:
    outcome = run(raises(error), ["device"])

    assert outcome.samples == (SAMPLE, SAMPLE)
    assert (outcome.state, outcome.problem) == (state, problem)


@pytest.mark.parametrize(
    ("error", "end"), [(DeviceLost("lost"), End.LOST), (NoDriver("unloaded"), End.ABSENT)]
)
def test_a_device_that_is_gone_is_asked_nothing_more(error: Exception, end: End) -> None:
    outcome = run(raises(error), ["device", "another"])

    assert outcome.samples == (SAMPLE,)
    assert outcome.device is end


def test_nothing_to_read_is_absent() -> None:
    assert run(raises(Absent("x")), []).state is State.ABSENT


class Stub:
    """A session that yields what it was given."""

    notes = (Note("uuid", "GPU-1"),)

    def __init__(self, *outcomes: Outcome | Exception, lasting: bool = True) -> None:
        self.lasting = lasting
        self._outcomes = outcomes

    def cycle(self) -> Iterator[Outcome]:
        for one in self._outcomes:
            if isinstance(one, Exception):
                raise one
            yield one


class Worker:
    """A worker in a thread, and what it sent."""

    def __init__(self, session: Session | Exception) -> None:
        self._near, far = socket.socketpair()
        self._reader = Reader()

        def attach() -> Session:
            if isinstance(session, Exception):
                raise session
            return session

        def live() -> None:
            with far:
                work(far, attach)

        self._thread = threading.Thread(target=live)
        self._thread.start()

    def until_end(self) -> list[Message]:
        messages: list[Message] = []
        while not messages or isinstance(messages[-1], Outcome):
            received = self._near.recv(4096)
            assert received, "the worker left without an end"
            messages += self._reader.feed(received)
        return messages

    def order(self) -> None:
        self._near.send(b"\n")

    def leaves(self) -> bool:
        left = self._near.recv(1) == b""
        self._near.close()
        self._thread.join()
        return left

    def dismiss(self) -> None:
        self._near.shutdown(socket.SHUT_WR)


FINE = Outcome(facility="thermal", state=State.OK, samples=(SAMPLE,))


def test_a_worker_reads_at_once_then_on_each_order_until_dismissed() -> None:
    worker = Worker(Stub(FINE))

    opened, *rest = worker.until_end()
    assert isinstance(opened, Outcome)
    assert (opened.facility, opened.notes) == (ATTACHED, Stub.notes)
    assert rest == [FINE, (End.OK, "")]
    worker.order()
    assert worker.until_end() == [FINE, (End.OK, "")]
    worker.dismiss()
    assert worker.leaves()


def test_a_worker_for_one_cycle_leaves_after_it() -> None:
    worker = Worker(Stub(FINE, lasting=False))

    worker.until_end()

    assert worker.leaves()


@pytest.mark.parametrize(
    ("error", "end"),
    [
        (DeviceLost("lost"), (End.LOST, "lost")),
        (NoDriver("no library"), (End.ABSENT, "no library")),
        (Unreadable("unknown"), (End.FAILED, "unknown")),
        (RuntimeError("oops"), (End.FAILED, "RuntimeError: oops")),
    ],
)
def test_a_device_that_cannot_be_opened_is_told_of(error: Exception, end: Message) -> None:
    worker = Worker(error)

    assert worker.until_end() == [end]
    assert worker.leaves()


def test_what_a_facility_says_of_the_device_ends_the_cycle_so() -> None:
    lost = Outcome(facility="ecc", state=State.FAILED, problem="gone", device=End.LOST)
    worker = Worker(Stub(FINE, lost))

    assert worker.until_end()[-1] == (End.LOST, "gone")
    assert worker.leaves()


def test_a_worker_whose_device_asks_for_a_reset_stays() -> None:
    asks = Outcome(facility="ecc", state=State.FAILED, problem="r", device=End.RESET_REQUIRED)
    worker = Worker(Stub(asks, FINE))

    assert worker.until_end()[-1] == (End.RESET_REQUIRED, "r")
    worker.order()
    assert worker.until_end()[-1] == (End.RESET_REQUIRED, "r")
    worker.dismiss()
    assert worker.leaves()


def test_a_mistake_outside_every_facility_is_told_of() -> None:
    worker = Worker(Stub(FINE, ValueError("oops")))

    assert worker.until_end()[-1] == (End.FAILED, "ValueError: oops")
    assert worker.leaves()
