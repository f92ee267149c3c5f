"""A second attempt for what failed, in continuous integration (docs/adr/0021).

As a plugin of pytest (`-p tests.again`) it writes down what failed; as a program it runs that once
more, alone. A run that did not come to its end, or in which more failed than chance explains, gets
no second attempt.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

FAILED = Path("build/failed.json")
MOST = 3

_failed: dict[str, None] = {}


def pytest_sessionstart() -> None:
    """Forget an earlier run's failures."""
    _failed.clear()
    FAILED.unlink(missing_ok=True)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note a test that failed, be it in its set-up or when all was taken down."""
    if report.failed:
        _failed[report.nodeid] = None


def pytest_sessionfinish(exitstatus: int) -> None:
    """Write down what failed, where every test was run and some failed, and for no other reason."""
    if exitstatus == pytest.ExitCode.TESTS_FAILED and _failed:
        FAILED.parent.mkdir(exist_ok=True)
        FAILED.write_text(json.dumps(list(_failed)), encoding="utf-8")


def main() -> int:
    """Run what failed once more; the exit code is 0 only where all of it passes now."""
    if not FAILED.exists():
        print("no second attempt: the run broke off, or failed before its tests", file=sys.stderr)
        return 1
    failed = json.loads(FAILED.read_text(encoding="utf-8"))
    if len(failed) > MOST:
        print(f"no second attempt: {len(failed)} failed, chance explains {MOST}", file=sys.stderr)
        return 1
    print(f"second attempt, alone, of {len(failed)}", flush=True)
    code = subprocess.run(
        [sys.executable, "-m", "pytest", "--benchmark-skip", *failed], check=False
    ).returncode
    for name in failed if code == 0 else []:
        print(f"UNSTEADY: failed, then passed: {name}")
    return code


if __name__ == "__main__":
    sys.exit(main())
