"""The command line of the preview."""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dashboards import all_dashboards
from dashboards.preview.asking import Asker
from dashboards.preview.picture import draw
from program.errors import ProgramError, UsageError, run
from program.flags import parser

_HOURS = {"now-3h": 3.0, "now-6h": 6.0, "now-24h": 24.0}


def main(argv: Sequence[str] | None = None) -> int:
    """Draw the dashboards."""
    return run("dashboards.preview", lambda: _main(sys.argv[1:] if argv is None else argv))


def _main(argv: Sequence[str]) -> int:
    asked = _flags().parse_args(argv)
    found = all_dashboards()
    if unknown := sorted(set(asked.only) - set(found)):
        raise UsageError(f"--only: {unknown[0]} is none of {', '.join(found)}")
    asked.out.mkdir(parents=True, exist_ok=True)
    for stem, made in found.items():
        if not asked.only or stem in asked.only:
            path = asked.out / f"{stem}.png"
            _draw(made, asked, path)
            print(f"{path} drawn")
    return 0


def _draw(dashboard: Mapping[str, Any], asked: argparse.Namespace, path: Path) -> None:
    many = {v["name"]: ".*" for v in dashboard["templating"]["list"] if v.get("multi")}
    asker = Asker(
        url=asked.url.rstrip("/"),
        end=asked.end or time.time(),
        hours=asked.hours or _HOURS[dashboard["time"]["from"]],
        chosen=many | dict(choice.split("=", 1) for choice in asked.choose),
    )
    try:
        draw(dashboard, asker, path)
    except OSError as error:
        raise ProgramError(f"{asked.url}: {error}") from None


def _flags() -> argparse.ArgumentParser:
    made = parser("dashboards.preview", "Draw the dashboards from a Prometheus' answers.")
    made.add_argument("out", type=Path, metavar="OUT", help="folder to write pictures to")
    made.add_argument("--prometheus.url", dest="url", default="http://127.0.0.1:9090")
    made.add_argument("--only", action="append", default=[], help="a dashboard, by its file's name")
    made.add_argument("--choose", action="append", default=[], metavar="VARIABLE=VALUE")
    made.add_argument("--end", type=float, default=0.0, help="Unix time of the end; default now")
    made.add_argument("--hours", type=float, default=0.0, help="span; default: each dashboard's")
    return made


if __name__ == "__main__":
    sys.exit(main())
