"""Log lines: one event a line, whatever is in it."""

import json
import logging

import pytest

from program.logs import JsonFormatter, LogfmtFormatter


def record(message: str = "done", **extra: object) -> logging.LogRecord:
    made = logging.makeLogRecord({"name": "railwatch", "levelno": 30, "levelname": "WARNING"})
    made.msg, made.created = message, 0.5
    vars(made).update(extra)
    return made


def test_logfmt_is_key_value_pairs() -> None:
    line = LogfmtFormatter().format(record(node="gpu-1", seconds=1.5))

    assert line == (
        "ts=1970-01-01T00:00:00.500+00:00 level=warn logger=railwatch msg=done node=gpu-1 "
        "seconds=1.5"
    )


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("two words", '"two words"'),
        ("", '""'),
        ('a"b', r'"a\"b"'),
        ("a=b", '"a=b"'),
        ("line\nbreak", r'"line\nbreak"'),
        ("\x1b[31mred", r'"\u001b[31mred"'),
        ("a\rb", r'"a\rb"'),
        ("a\u2028b", r'"a\u2028b"'),
        ("Grün", "Grün"),
    ],
)
def test_logfmt_quotes_what_would_break_a_line_or_a_terminal(value: str, shown: str) -> None:
    assert LogfmtFormatter().format(record(value=value)).endswith(f" value={shown}")


def test_json_is_one_object_a_line() -> None:
    line = JsonFormatter().format(record("a\nb", node="gpu-1", what={1, 2}))

    assert "\n" not in line
    read = json.loads(line)
    assert (read["level"], read["msg"], read["node"]) == ("warn", "a\nb", "gpu-1")


@pytest.mark.parametrize("formatter", [JsonFormatter(), LogfmtFormatter()], ids=["json", "logfmt"])
def test_a_traceback_stays_on_its_line(formatter: logging.Formatter) -> None:
    try:
        int("broken")
    except ValueError as error:
        made = record(exc_info=(ValueError, error, error.__traceback__))

    line = formatter.format(made)

    assert "\n" not in line
    assert "ValueError: invalid literal" in line
