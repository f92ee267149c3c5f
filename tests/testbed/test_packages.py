"""System packages: installed where we may, named with their command where we may not."""

import os
from pathlib import Path

import pytest

from testbed import packages
from tests.packages import needs

pytest_plugins = ("pytester",)

WHOSE_TEST = """
import pytest
from tests.packages import demand, needs

@pytest.fixture
def never() -> None:
    raise AssertionError("a fixture was made without its package")

@needs("opensm")
def test_that_needs_opensm(never: None) -> None: ...
"""
RECORDER = """#!/bin/sh
echo "$(basename "$0") $*" >> "{log}"
{then}
"""


@pytest.fixture
def empty_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Leave no command on the PATH but those that a test puts there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(packages, "_SYSTEM", ())
    return folder


def put(folder: Path, name: str, then: str = "exit 0") -> Path:
    log = folder / "log"
    script = folder / name
    script.write_text(
        RECORDER.format(log=log, then=then).replace("$(basename", "$(/usr/bin/basename")
    )
    script.chmod(0o755)
    return log


def test_each_package_of_the_list_is_known_by_a_command() -> None:
    assert sorted(packages.listed()) == sorted(packages.COMMANDS)


def test_what_is_missing_is_installed_in_one_go(
    empty_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    (empty_path / "env").symlink_to("/usr/bin/env")
    log = put(empty_path, "apt-get")
    put(empty_path, "ip")

    assert packages.install(packages.missing(["opensm", "iproute2", "fuse3"]))

    lines = log.read_text().splitlines()
    assert len(lines) == 1
    assert lines[0].endswith("install --yes --no-install-recommends opensm fuse3")


def test_lists_that_are_not_there_yet_are_fetched_first(
    empty_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    (empty_path / "env").symlink_to("/usr/bin/env")
    log = put(
        empty_path, "apt-get", 'case "$*" in *update) : > "$0.lists";; esac; [ -e "$0.lists" ]'
    )

    assert packages.install(["opensm"])

    assert [line.split()[-1] for line in log.read_text().splitlines()] == [
        "opensm", "update", "opensm",
    ]  # fmt: skip


def test_who_may_not_install_is_told_the_command(
    empty_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    apt = put(empty_path, "apt-get")
    put(empty_path, "sudo", "exit 1")

    assert packages.main() == 0

    assert "sudo apt-get install --no-install-recommends ibsim-utils" in capsys.readouterr().err
    assert "apt-get" not in apt.read_text()


@pytest.mark.parametrize(("ci", "outcome"), [("true", "errors"), ("", "skipped")])
def test_a_missing_package_fails_a_test_in_continuous_integration_and_else_skips_it(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, ci: str, outcome: str
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setitem(packages.COMMANDS, "opensm", "a-command-that-nobody-has")
    pytester.makeconftest("from tests.conftest import pytest_runtest_setup")
    pytester.makepyfile(WHOSE_TEST)

    result = pytester.runpytest_inprocess("-rsf", "-p", "no:cacheprovider")

    assert result.parseoutcomes() == {outcome: 1}
    result.stdout.fnmatch_lines(["*opensm missing: sudo apt-get install *opensm"])


def test_a_package_that_no_list_names_is_refused() -> None:
    with pytest.raises(ValueError, match=r"not in tools/apt\.txt: cowsay"):
        needs("cowsay")
