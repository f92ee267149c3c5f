"""Whatever rtnetlink answers, a reading ends in samples or in a state, and never elsewhere."""

import random
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.errors import ReadingError
from exporters.facility import State
from exporters.uplink import interfaces, limiters, pods
from exporters.uplink.pod_names import PodNames
from exporters.uplink.pods import Pods
from exporters.uplink.tc import classes, policers, qdiscs
from testbed.nldev import attribute, table
from tests.budget import examples
from tests.exporters.uplink.lines import LINE, told, view, whole


def damage(of: random.Random) -> Callable[[bytes], bytes]:
    """Return what may become of an answer."""

    def flip(answer: bytes) -> bytes:
        spoilt = bytearray(answer)
        for _ in range(of.randint(1, 8)):
            spoilt[of.randrange(len(spoilt))] = of.choice((0, 1, 3, 4, 255, of.randrange(256)))
        return bytes(spoilt)

    def cut(answer: bytes) -> bytes:
        return answer[: of.randrange(len(answer) + 1)]

    def repeat(answer: bytes) -> bytes:
        return answer * of.randint(2, 5)

    def noise(_answer: bytes) -> bytes:
        return of.randbytes(of.randint(0, 200))

    def now_and_then(answer: bytes) -> bytes:
        return (
            of.choice((flip, flip, flip, cut, repeat, noise))(answer)
            if of.random() < 0.5
            else answer
        )

    return now_and_then


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lines")


@given(st.integers(0, 2**32))
@settings(max_examples=examples(400), deadline=None)
def test_damaged_answers_never_crash_a_reading(folder: Path, seed: int) -> None:
    kernel = whole()
    kernel.spoil = damage(random.Random(seed))
    shown = view(folder, kernel, LINE)
    of_pods = Pods(shown, PodNames(str(folder), str(folder), shown.kernel))

    outcomes = [told(interfaces.FACILITY, shown), told(limiters.FACILITY, shown)]
    outcomes.append(told(pods.FACILITY, of_pods))

    for outcome in outcomes:
        assert outcome.state in (State.OK, State.ABSENT, State.FAILED)
        assert not outcome.problem or outcome.problem.startswith(("rtnetlink", "netlink", "tc "))
        for sample in outcome.samples:
            assert sample.value >= 0
            assert all(label.isprintable() for label in sample.labels)


def attributes(of: random.Random, depth: int = 0) -> bytes:
    """Return attributes within attributes, some with a length that is a lie."""
    made = b""
    for _ in range(of.randint(0, 5)):
        number = of.randrange(12) if of.random() < 0.95 else of.randrange(0x10000)
        if number == 1 and of.random() < 0.5:
            kinds = (b"htb", b"tbf", b"u32", b"police", b"matchall", b"cake", b"hfsc", b"\xff")
            made += attribute(1, of.choice(kinds) + b"\0")
        elif depth < 6 and of.random() < 0.5:
            made += table(number & 0x7FFF, attributes(of, depth + 1))
        else:
            payload = of.randbytes(of.choice((0, 1, 2, 4, 8, 12, 16, 20, 36, 44, 56)))
            length = of.randrange(0x10000) if of.random() < 0.05 else len(payload) + 4
            made += struct.pack("=HH", length, number) + payload + b"\0" * (-len(payload) % 4)
    return made


@given(st.integers(0, 2**64))
@settings(max_examples=examples(1500), deadline=None)
def test_any_attributes_are_decoded_or_refused(seed: int) -> None:
    body = bytes(20) + attributes(random.Random(seed))

    for decode in (qdiscs, classes, policers):
        try:
            found = list(decode(body))
        except ReadingError:
            continue
        for one in found:
            limits = (one.limits.rate, one.limits.ceiling, one.limits.burst)
            assert all(value is None or value > 0 for value in limits)
