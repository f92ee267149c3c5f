import struct
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.gpu import GPU_ECC_ERRORS, GPU_TEMPERATURE
from exporters.facility import ATTACHED, End, Outcome, State
from exporters.frames import FrameError, Message, Reader, Writer, decode, encode
from exporters.sample import Note, Sample
from tests.budget import examples

OUTCOME = Outcome(
    facility="thermal",
    state=State.FAILED,
    seconds=0.25,
    samples=(
        Sample(GPU_TEMPERATURE, ("0", 'GPU "ü"'), 40.5),
        Sample(GPU_ECC_ERRORS, ("0", "GPU", "corrected"), 2**53),
    ),
    notes=(Note("xid", 79), Note("uuid", "GPU-1")),
    problem="nvmlDeviceGetTemperature: Unknown Error",
    device=End.RESET_REQUIRED,
)
END: Message = (End.LOST, "GPU is lost")


def test_messages_survive_the_way() -> None:
    assert list(Reader().feed(encode(OUTCOME) + encode(END))) == [OUTCOME, END]


def test_messages_survive_being_cut_anywhere() -> None:
    stream, reader = encode(OUTCOME) + encode(END), Reader()

    received = [m for i in range(len(stream)) for m in reader.feed(stream[i : i + 1])]

    assert received == [OUTCOME, END]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"7",
        b"[]",
        b'{"end":["over",""]}',
        b'{"end":7}',
        encode(OUTCOME)[4:].replace(b"railwatch_gpu_temperature_celsius", b"railwatch_heat"),
        encode(OUTCOME)[4:].replace(b"40.5", b"NaN"),
        encode(OUTCOME)[4:].replace(b'"failed"', b'"fine"'),
        b"[" * 100_000,
    ],
)
def test_what_is_no_message_is_refused(body: bytes) -> None:
    with pytest.raises(FrameError):
        decode(body)


def test_a_length_beyond_all_measure_is_refused_before_it_is_awaited() -> None:
    with pytest.raises(FrameError, match="4294967295 bytes"):
        list(Reader().feed(struct.pack("!I", 2**32 - 1)))


@settings(max_examples=examples(200), deadline=None)
@given(st.binary(max_size=60))
def test_no_bytes_crash_the_reader(noise: bytes) -> None:
    with pytest.raises(FrameError):
        list(Reader().feed(struct.pack("!I", len(noise)) + noise))


def reading(*values: float, uuid: str = "GPU") -> Outcome:
    """Return an outcome of one series a value."""
    samples = tuple(
        Sample(GPU_ECC_ERRORS, (str(index), uuid, "corrected"), value)
        for index, value in enumerate(values)
    )
    return Outcome(facility="ecc", state=State.OK, samples=samples)


def test_a_cycle_like_the_last_says_only_what_is_another_value_now() -> None:
    writer, done = Writer(), (End.OK, "")
    first = [writer.write(m) for m in (reading(*range(50)), done)]
    second = [writer.write(m) for m in (reading(99, *range(1, 50)), done)]

    assert len(second[0]) < len(first[0]) / 10
    heard = list(Reader().feed(b"".join((*first, *second))))
    assert heard == [reading(*range(50)), done, reading(99, *range(1, 50)), done]


def test_other_series_at_the_same_place_are_said_in_full() -> None:
    writer, done = Writer(), (End.OK, "")
    said: list[Message] = [
        reading(1, 2),
        done,
        reading(1, 2, 3),
        done,
        reading(1, 2, 3, uuid="other"),
        done,
    ]

    assert list(Reader().feed(b"".join(map(writer.write, said)))) == said


@pytest.mark.parametrize(
    "changed", [b"[[7,1]]", b'[["0",1]]', b"[[0]]", b"[[0,-1]]", b"7", b'[[0,"x"]]']
)
def test_a_change_of_what_was_never_said_is_refused(changed: bytes) -> None:
    whole = encode(reading(1, 5), reading(1, 2))[4:]
    body = whole.replace(b'"changed":[[1,5]]', b'"changed":' + changed)
    assert body != whole

    with pytest.raises(FrameError):
        decode(body, reading(1, 2))


def test_an_outcome_of_no_facility_is_refused() -> None:
    with pytest.raises(FrameError, match="facility"):
        decode(b'{"seconds":0}')


@pytest.mark.parametrize("at", ["state", "problem", "device", "notes", "seconds", "samples"])
def test_each_thing_that_is_another_than_before_is_said(at: str) -> None:
    other = reading(1, 2)
    assert getattr(other, at) != getattr(OUTCOME, at)
    now = replace(OUTCOME, **{at: getattr(other, at)})

    writer, reader = Writer(), Reader()
    said: list[Message] = [OUTCOME, (End.OK, ""), now, (End.OK, ""), OUTCOME, (End.OK, "")]

    assert [m for message in said for m in reader.feed(writer.write(message))] == said


CYCLES = st.lists(
    st.lists(
        st.builds(
            lambda values, uuid: reading(*values, uuid=uuid),
            st.lists(st.integers(0, 3), max_size=4),
            st.sampled_from("ab"),
        ),
        max_size=3,
    ),
    max_size=6,
)


@given(cycles=CYCLES)
@settings(max_examples=examples(150), deadline=None)
def test_whatever_cycles_say_arrives(cycles: list[list[Outcome]]) -> None:
    writer, reader = Writer(), Reader()
    opened = Outcome(facility=ATTACHED, state=State.OK)
    said: list[Message] = [opened]
    for cycle in cycles:
        said += [*cycle, (End.OK, "")]

    assert [m for message in said for m in reader.feed(writer.write(message))] == said
