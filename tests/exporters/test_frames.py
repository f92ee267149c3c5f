import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.gpu import GPU_ECC_ERRORS, GPU_TEMPERATURE
from exporters.facility import End, Outcome, State
from exporters.frames import FrameError, Message, Reader, decode, encode
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
