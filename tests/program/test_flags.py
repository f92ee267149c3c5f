"""Flags follow from the settings dataclass; what is wrong with one is said in one line."""

import re
from dataclasses import dataclass

import pytest

from catalog import __version__
from program.errors import UsageError
from program.flags import add_flags, at_least, build, duration, flag, key_prefix, parser


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    interval: float = duration("interval", default=5.0, help="how often")
    gpus: int = flag("gpus", default=8, help="how many")
    share: float = flag("share", default=0.25, help="how much, in %")
    urls: tuple[str, ...] = flag("url", default=(), metavar="URL", help="where; may be repeated")
    gangs: bool = flag("gangs", default=True, help="place gangs")
    path: str | None = flag("path", default=None, help="which file")
    form: str = flag("form", default="a", choices=("a", "b"), help="which form")
    untold: int = 3


def read(*argv: str) -> Settings:
    made = parser("tool", "Does things.")
    add_flags(made, Settings)
    return build(Settings, made.parse_args(argv))


def help_text(capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        read("--help")
    assert ended.value.code == 0
    return re.sub(r"\s+", " ", capsys.readouterr().out)


def test_without_flags_the_settings_are_the_defaults() -> None:
    assert read() == Settings()


def test_flags_become_settings() -> None:
    settings = read(
        "--interval", "1m", "--gpus=4", "--share", "0.5", "--no-gangs", "--path", "/x", "--form=b"
    )  # fmt: skip

    assert settings == Settings(interval=60.0, gpus=4, share=0.5, gangs=False, path="/x", form="b")


def test_a_repeated_flag_collects_its_values() -> None:
    assert read("--url", "a", "--url", "b").urls == ("a", "b")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--interval", "5"], "--interval: '5' is not a duration such as 5s"),
        (["--gpus", "many"], "--gpus: 'many' is not a number"),
        (["--gpus", "9" * 400], "--gpus: .* is not a number"),
        (["--share", "nan"], "--share: 'nan' is not a number"),
        (["--form", "c"], "--form: invalid choice: 'c'"),
        (["--gpu", "4"], "unrecognized arguments: --gpu 4"),
        (["--path"], "--path: expected one argument"),
    ],
)
def test_a_bad_flag_is_named(argv: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=words) as refused:
        read(*argv)

    assert "see tool --help" in str(refused.value)
    assert refused.value.exit_code == 2


def test_help_tells_each_default_once(capsys: pytest.CaptureFixture[str]) -> None:
    text = help_text(capsys)

    assert "how often (default: 5s)" in text
    assert "how much, in % (default: 0.25)" in text
    assert "place gangs (default: on)" in text
    assert "which file" in text
    assert "None" not in text
    assert "True" not in text


def test_the_version_is_the_distributions(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        read("--version")

    assert capsys.readouterr().out == f"tool {__version__} (commit unknown)\n"


def test_a_duration_may_be_told_to_be_long_enough() -> None:
    parse = at_least(2)

    assert parse("2s") == 2
    with pytest.raises(ValueError, match="1s is too short: at least 2s"):
        parse("1s")
    with pytest.raises(ValueError, match="'soon' is not a duration"):
        parse("soon")


def test_a_key_prefix_is_a_dns_name() -> None:
    assert key_prefix("gpu.example.com") == "gpu.example.com"


@pytest.mark.parametrize("text", ["", "Bad/Prefix", "-a", "a.", "a b", "UPPER"])
def test_what_no_key_may_begin_with_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a DNS name such as railwatch\.io"):
        key_prefix(text)
