"""The demo is a promise of the README; here it is kept."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.cluster
@pytest.mark.timeout(420)
def test_the_demo_shows_every_hop_and_ends_well() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "testbed.demo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    for hop in (
        "degraded host to be avoided",
        "job placed off that host",
        "gang leaves as a whole",
        "gang runs elsewhere",
        "condition Unknown",
        "node used again",
    ):
        assert f"  {hop}" in done.stdout
