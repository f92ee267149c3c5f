"""Draws the pictures of the dashboards: python -m testbed.showcase [OUT], by default docs/pictures.

It takes some minutes, most of them for Prometheus to take in the story and what rules record of it.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from dashboards import all_dashboards
from dashboards.preview.__main__ import main as preview
from program.errors import run
from testbed.showcase.history import Remembering

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "pictures"

CHOICES: dict[str, Sequence[str]] = {
    "gpu": ("node=gpu-02",),
    "node": ("node=gpu-02",),
    "workload": ("namespace=research", "workload=llama-pretrain"),
}
"""What is chosen at the top of the dashboards that show a part."""


def _main() -> int:
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURES
    with Remembering() as prometheus:
        prometheus.record()
        asked = ("--prometheus.url", prometheus.url, "--end", f"{prometheus.end:.0f}")
        for name in all_dashboards():
            chosen = [flag for choice in CHOICES.get(name, ()) for flag in ("--choose", choice)]
            preview([str(out), *asked, "--hours", "6", "--only", name, *chosen])
    return 0


if __name__ == "__main__":
    sys.exit(run("python -m testbed.showcase", _main))
