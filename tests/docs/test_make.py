"""What the targets that README names do to a reader's machine, by what make would run."""

import subprocess

import pytest

from tests.docs.pages import ROOT


def steps(target: str) -> str:
    """Return the commands of a target, none of which is run."""
    done = subprocess.run(
        ["make", "--dry-run", "--old-file=.venv/.ready", target],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(("target", "installs"), [("demo", False), ("test", True)])
def test_system_packages_are_installed_for_the_tests_alone(target: str, installs: bool) -> None:  # noqa: FBT001 - pytest gives it by name
    assert ("-m testbed.packages" in steps(target)) is installs


def test_the_demo_and_the_tests_are_what_their_targets_run() -> None:
    assert "-m testbed.demo" in steps("demo")
    assert "-m pytest" in steps("test")
