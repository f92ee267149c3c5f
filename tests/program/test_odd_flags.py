"""Flags with values that look right at first sight."""

import pytest

from program.errors import UsageError
from program.flags import Parser, add_flags, key_prefix
from program.surface import Surface


@pytest.mark.parametrize("text", ["a..b", ".a", "a.", "-a.b", "a-.b", "a" * 64, "a." * 126 + "ab"])
def test_a_key_prefix_that_no_kube_apiserver_takes_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a DNS name such as"):
        key_prefix(text)


@pytest.mark.parametrize(
    "text", ["railwatch.io", "a", "a-b.c-d.example", "a" * 63, "a." * 126 + "a"]
)
def test_a_dns_name_is_a_key_prefix(text: str) -> None:
    assert key_prefix(text) == text


@pytest.mark.parametrize("text", ["x", "-1", "1.5", "", "٣", "9" * 5000])
def test_what_is_no_whole_number_is_said_so(text: str) -> None:
    made = Parser(prog="tool")
    add_flags(made, Surface)

    with pytest.raises(UsageError, match="is not a whole number, zero or more"):
        made.parse_args([f"--web.max-requests={text}"])
