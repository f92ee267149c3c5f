"""The second attempt that continuous integration gives to what failed."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
UNSTEADY = """
def test_fails_the_first_time(pytestconfig):
    mark = pytestconfig.rootpath / "seen"
    if not mark.exists():
        mark.touch()
        raise AssertionError("a stall")
"""
BROKEN = "def test_fails_each_time():\n    assert False\n"
SOUND = "def test_passes():\n    assert True\n"
MANY = "".join(f"def test_{i}():\n    assert False\n" for i in range(4))
ENDING = "import pytest\n\ndef test_ends_the_run():\n    pytest.exit('enough', returncode=2)\n"


def attempt(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def both(folder: Path, *sources: str) -> tuple[int, subprocess.CompletedProcess[str]]:
    """Return the exit code of a run of these test files, and the second attempt."""
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    for number, source in enumerate(sources):
        (folder / f"test_{number}.py").write_text(source, encoding="utf-8")
    first = attempt(folder, "pytest", "-p", "tests.again").returncode
    return first, attempt(folder, "tests.again")


def test_what_failed_and_then_passes_is_named(tmp_path: Path) -> None:
    first, second = both(tmp_path, UNSTEADY, SOUND)

    assert (first, second.returncode) == (1, 0)
    assert "UNSTEADY: failed, then passed: test_0.py::test_fails_the_first_time" in second.stdout
    assert "1 passed" in second.stdout, "the sound one is not run again"


def test_what_fails_twice_fails(tmp_path: Path) -> None:
    first, second = both(tmp_path, UNSTEADY, BROKEN)

    assert (first, second.returncode) == (1, 1)
    assert "UNSTEADY" not in second.stdout


def test_more_than_chance_explains_gets_no_second_attempt(tmp_path: Path) -> None:
    first, second = both(tmp_path, MANY)

    assert (first, second.returncode) == (1, 1)
    assert second.stderr == "no second attempt: 4 failed, chance explains 3\n"


def test_a_run_that_broke_off_gets_no_second_attempt(tmp_path: Path) -> None:
    first, second = both(tmp_path, UNSTEADY, ENDING)

    assert (first, second.returncode) == (2, 1)
    assert "the run broke off" in second.stderr


def test_a_run_that_passes_leaves_nothing_for_a_second_attempt(tmp_path: Path) -> None:
    both(tmp_path, UNSTEADY)

    first, second = both(tmp_path, SOUND)

    assert (first, second.returncode) == (0, 1)
