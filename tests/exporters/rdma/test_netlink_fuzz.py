"""Whatever NETLINK_RDMA answers, a reading ends in samples or in a state, and never elsewhere."""

import random
import struct
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.errors import ReadingError
from exporters.facility import State
from exporters.rdma.netlink import decode, frames
from exporters.rdma.nldev import Attributes
from testbed.nldev import message, table
from tests.budget import examples
from tests.exporters.rdma.nldev import full, procfs, read

_MESSAGE = (5 << 10) + 1
_NUMBERS = (0, 1, 2, 3, 15, 16, 17, 18, 19, 20, 27, 28, 51, 66, 74, 77, 78, 80, 118)


def damage(of: random.Random) -> Callable[[bytes], bytes]:
    """Return what a broken driver, or a broken library, may do to an answer."""

    def flip(answer: bytes) -> bytes:
        spoilt = bytearray(answer)
        for _ in range(of.randint(1, 8)):
            spoilt[of.randrange(len(spoilt))] = of.randrange(256)
        return bytes(spoilt)

    def cut(answer: bytes) -> bytes:
        return answer[: of.randrange(len(answer) + 1)]

    def repeat(answer: bytes) -> bytes:
        return answer * of.randint(2, 40)

    def noise(_answer: bytes) -> bytes:
        return of.randbytes(of.randint(0, 200))

    def now_and_then(answer: bytes) -> bytes:
        return of.choice((flip, cut, repeat, noise))(answer) if of.random() < 0.3 else answer

    return now_and_then


@pytest.fixture(scope="module")
def proc(tmp_path_factory: pytest.TempPathFactory) -> str:
    return procfs(tmp_path_factory.mktemp("proc"))


@given(st.integers(0, 2**32))
@settings(max_examples=examples(300), deadline=None)
def test_damaged_answers_never_crash_a_reading(proc: str, seed: int) -> None:
    kernel = full(held=5)
    kernel.spoil = damage(random.Random(seed))

    try:
        outcomes = read(kernel, proc)
    except ReadingError:
        return  # the devices could not be listed

    for outcome in outcomes.values():
        assert outcome.state in (State.OK, State.ABSENT, State.FAILED)
        assert outcome.problem == "" or outcome.problem.startswith(("NETLINK_RDMA", "railwatch_"))
        for sample in outcome.samples:
            assert sample.value >= 0
            assert all(label.isprintable() for label in sample.labels)


def attributes(of: random.Random, depth: int = 0) -> bytes:
    """Return attributes within attributes, some with a length that is a lie."""
    made = b""
    for _ in range(of.randint(0, 5)):
        number = of.choice(_NUMBERS) if of.random() < 0.9 else of.randrange(0x10000)
        if depth < 8 and of.random() < 0.5:
            made += table(number & 0x7FFF, attributes(of, depth + 1))
        else:
            payload = of.randbytes(of.choice((0, 1, 2, 4, 8, 12, 30)))
            length = of.randrange(0x10000) if of.random() < 0.05 else len(payload) + 4
            made += struct.pack("=HH", length, number) + payload + b"\0" * (-len(payload) % 4)
    return made


@given(st.integers(0, 2**64))
@settings(max_examples=examples(2500), deadline=None)
def test_any_attributes_are_decoded_or_refused(seed: int) -> None:
    body = attributes(random.Random(seed))

    try:
        decoded = decode(message(_MESSAGE, 1, body))
    except ReadingError:
        return

    assert isinstance(decoded, Attributes)
    assert all(value >= 0 for value in decoded.numbers.values())


@given(st.binary(max_size=256))
@settings(max_examples=examples(300), deadline=None)
def test_any_bytes_are_cut_into_messages_or_refused(received: bytes) -> None:
    try:
        found = list(frames(received))
    except ReadingError:
        return

    assert sum(len(frame.whole) for frame in found) <= len(received)


def test_an_answer_as_large_as_can_be_takes_no_time_to_refuse_or_read() -> None:
    entries = [table(20, struct.pack("=HHI", 8, 21, number)) for number in range(4000)]

    decoded = decode(message(_MESSAGE, 1, table(19, *entries)))

    assert len(decoded.tables) == 1
