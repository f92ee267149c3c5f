"""Names on the wire change only with a word in the changelog."""

import shutil
from pathlib import Path

import pytest

from program.errors import ProgramError
from render import stable

ROOT = Path(__file__).parents[2]
GONE = "railwatch_gpu_temperature_fahrenheit"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A tree with the files as they are, and a changelog that says nothing."""
    (tmp_path / "docs").mkdir()
    for name in stable.names():
        shutil.copy(ROOT / "docs" / name, tmp_path / "docs" / name)
    changelog(tmp_path, "")
    return tmp_path


def changelog(root: Path, unreleased: str, released: str = "") -> None:
    text = f"# Changelog\n\n## Unreleased\n\n{unreleased}\n\n## 0.1.0\n\n{released}\n"
    (root / "CHANGELOG.md").write_text(text, encoding="utf-8")


def edited(root: Path, before: str, after: str, name: str = "stable-metrics.txt") -> Path:
    path = root / "docs" / name
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")
    return path


def with_a_metric_that_is_gone(root: Path) -> Path:
    return edited(root, "railwatch_gpu_info ", f"{GONE} gauge gpu,uuid\nrailwatch_gpu_info ")


@pytest.mark.parametrize("name", stable.names())
def test_the_names_are_those_of_the_catalogue(name: str) -> None:
    change = stable.compare(stable.read(ROOT / "docs" / name), stable.names()[name])

    assert not str(change), f"{change}: write it to CHANGELOG.md, under Unreleased; make golden"


def test_the_files_are_as_they_are_written() -> None:
    for name, lines in stable.names().items():
        assert (ROOT / "docs" / name).read_text(encoding="utf-8") == stable.written(lines)


def test_a_difference_fails_and_says_what_to_do(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with_a_metric_that_is_gone(copy)

    assert stable.main(["--check"], copy) == ProgramError.exit_code

    error = capsys.readouterr().err
    assert f"stable-metrics.txt: gone: {GONE}" in error
    assert "write it to CHANGELOG.md, under Unreleased, and run make golden" in error


@pytest.mark.parametrize(
    ("unreleased", "released"), [("", ""), ("", f"`{GONE}` is new"), (f"`{GONE}_total`", "")]
)
def test_a_name_goes_only_with_a_word_in_unreleased(
    copy: Path, capsys: pytest.CaptureFixture[str], unreleased: str, released: str
) -> None:
    path = with_a_metric_that_is_gone(copy)
    changelog(copy, unreleased, released)

    assert stable.main([], copy) == ProgramError.exit_code

    assert f"CHANGELOG.md is silent about {GONE}" in capsys.readouterr().err
    assert GONE in path.read_text(encoding="utf-8")


def test_a_name_that_the_changelog_tells_of_goes(copy: Path) -> None:
    path = with_a_metric_that_is_gone(copy)
    changelog(copy, f"- **Breaking:** `{GONE}` is gone: metrics are in base units.")

    assert stable.main([], copy) == 0

    assert path.read_text(encoding="utf-8") == (ROOT / "docs" / path.name).read_text("utf-8")


@pytest.mark.parametrize(
    ("before", "after", "file"),
    [
        ("railwatch_gpu_power_watts gauge", "railwatch_gpu_power_watts counter", "metrics"),
        ("GpuFellOffBus critical drain", "GpuFellOffBus critical cordon", "alerts"),
        ("GpuFellOffBus critical drain GpuUnavailable", "GpuFellOffBus warning - -", "alerts"),
    ],
)
def test_what_means_something_else_needs_a_word_too(
    copy: Path, before: str, after: str, file: str
) -> None:
    name = before.split(" ", 1)[0]
    edited(copy, before, after, f"stable-{file}.txt")

    assert stable.main([], copy) == ProgramError.exit_code
    changelog(copy, f"- `{name}` is something else now.")
    assert stable.main([], copy) == 0


def test_what_is_new_needs_none(copy: Path) -> None:
    path = edited(copy, "RdmaLinkDown critical cordon RdmaLinkDown\n", "", "stable-alerts.txt")

    assert stable.main(["--check"], copy) == ProgramError.exit_code
    assert stable.main([], copy) == 0

    assert "RdmaLinkDown " in path.read_text(encoding="utf-8")
