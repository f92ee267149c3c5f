"""The demo is a promise of the README; here it is kept, line by line."""

import os
import re
import subprocess
import sys

import pytest

from tests.docs.pages import ROOT, page

VARIES = {
    r"\d+(\.\d)? s": "T s",
    r"\b(train|next)-(\d)-\w{5}\b": r"\1-\2-xxxxx",
    r"\bgpu-\d\b": "gpu-N",
    r" +": " ",
}
"""What is not the same each time: seconds, a pod's suffix, which of six hosts it is."""


@pytest.mark.cluster
@pytest.mark.timeout(1500)
def test_the_demo_shows_what_the_readme_shows_and_ends_well() -> None:
    (text,) = page("README.md").blocks("text")
    shown, end = text.split("  …\n")

    done = subprocess.run(
        [sys.executable, "-m", "testbed.demo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "PATIENCE": "8"},
        timeout=1400,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    _, _, output = steady(done.stdout).partition("\n\n")
    assert output.startswith(steady(shown))
    assert output.endswith(f"\n{steady(end)}")


def steady(text: str) -> str:
    """Return a text without what varies."""
    for pattern, same in VARIES.items():
        text = re.sub(pattern, same, text)
    return text
