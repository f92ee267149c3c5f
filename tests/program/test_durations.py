"""Durations read and write as Prometheus does."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from program.durations import format_duration, parse_duration
from tests.budget import examples


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5s", 5), ("1m30s", 90), ("500ms", 0.5), ("1h", 3600), ("2d", 172800), ("1w", 604800),
     ("0", 0), ("0s", 0)],
)  # fmt: skip
def test_a_duration_is_read_in_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "5", "s", "5 s", "-5s", "1.5s", "5s ", "5y", "٣s", "9" * 400 + "s", "5s\n"]
)
def test_what_is_no_duration_is_refused_and_named(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration such as 5s"):
        parse_duration(text)


@given(st.integers(0, 10**12))
@settings(max_examples=examples(100), deadline=None)
def test_what_is_written_reads_back(milliseconds: int) -> None:
    text = format_duration(milliseconds / 1000)

    assert parse_duration(text) == pytest.approx(milliseconds / 1000)
