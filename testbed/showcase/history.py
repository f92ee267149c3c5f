"""A Prometheus that remembers the made-up fleet's whole story, and what our rules record of it.

Rules are recorded afterwards, in as many passes as they build on each other, because promtool sees
only what is already there.
"""

import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from render import tree
from render.settings import PrometheusSettings, Settings
from testbed.servers import Prometheus
from testbed.showcase import HOURS, samples
from testbed.tools import ensure

STEP = 120
SHOWN_HOURS = 6.5
"""How much of the story's end is kept."""

SETTINGS = Settings(
    prometheus=PrometheusSettings(
        scrape_interval=timedelta(minutes=1), evaluation_interval=timedelta(minutes=1)
    ),
    prices={"p5.48xlarge": 6.9, "8xh100.onprem": 2.2},
    teams={"research": "foundation", "vision": "perception", "serving": "products"},
)
_FREE = (
    "railwatch_node_boot_time_seconds",
    "ALERTS_FOR_STATE",
    "probe_ssl_earliest_cert_expiry",
)


class Remembering(Prometheus):
    """A Prometheus whose data tell the story, which has just ended."""

    def __init__(self, *, end: float | None = None) -> None:
        """Prepare it; the story ends now, or at another Unix time."""
        forget = f"--query.lookback-delta={STEP + 10}s"
        super().__init__("global: {evaluation_interval: 1m}", flags=(forget,))
        self.end = (time.time() if end is None else end) // STEP * STEP

    def prepare(self) -> None:
        """Write the story into its data, once."""
        super().prepare()
        data = self.directory / "data"
        if not data.exists():
            with tempfile.TemporaryDirectory() as folder:
                text = Path(folder) / "story.om"
                _write(text, self.end)
                promtool("create-blocks-from", "openmetrics", "--quiet", text, data)

    def record(self) -> None:
        """Record what our rules make of it, so that it looks as if they had run all along."""
        for rules in passes(recording_rules()):
            with tempfile.TemporaryDirectory(dir=self.directory) as folder:
                path, blocks = Path(folder) / "rules.yaml", Path(folder) / "blocks"
                path.write_text(yaml.safe_dump({"groups": [rules]}), encoding="utf-8")
                start = self.end - SHOWN_HOURS * 3600
                span = (f"--start={start:.0f}", f"--end={self.end:.0f}", f"--url={self.url}")
                promtool("create-blocks-from", "rules", *span, f"--output-dir={blocks}", path)
                self.stop()
                for block in blocks.iterdir():
                    shutil.move(block, self.directory / "data" / block.name)
                self.start()


def promtool(*arguments: object) -> None:
    """Run `promtool tsdb`; RuntimeError with what it says."""
    argv = [str(ensure("promtool")["promtool"]), "tsdb", *map(str, arguments)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr}")


def _write(path: Path, end: float) -> None:
    """Write the story's last hours; its times are counted from its own start."""
    start = end - HOURS * 3600
    steps = int(SHOWN_HOURS * 3600 / STEP)
    with path.open("w", encoding="utf-8") as file:
        for step in range(-steps, 1):
            at = HOURS * 3600 + step * STEP
            for each in samples(at):
                value = each.value + start * is_time(each.name) if each.value else each.value
                name = str(each).rpartition(" ")[0]
                file.write(f"{name} {value:.10g} {start + at:.0f}\n")
        file.write("# EOF\n")


def is_time(name: str) -> bool:
    """Whether a series' value is a moment, which has to be moved to when the story is told."""
    return name.endswith("_timestamp_seconds") or name in _FREE


def recording_rules() -> list[Mapping[str, Any]]:
    """Return every recording rule as it is rendered for a scrape a minute."""
    files = dict(tree.prometheus(SETTINGS, SETTINGS.tuned()))
    groups = [
        group
        for path, text in files.items()
        if path.startswith("prometheus/rules/")
        for group in yaml.safe_load(text)["groups"]
    ]
    return [rule for group in groups for rule in group["rules"] if "record" in rule]


def passes(rules: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the rules in an order in which each finds what it reads already recorded.

    A rule that reads its own name reads what rules before it have recorded under that name.
    """
    left, made = list(rules), list[dict[str, Any]]()
    while left:
        waiting = {rule["record"] for rule in left}
        ready = [
            rule
            for number, rule in enumerate(left)
            if not _read(rule) & waiting - {rule["record"]}
            and not (rule["record"] in _read(rule) and _recorded(left[:number], rule["record"]))
        ]
        assert ready, f"recording rules that read each other: {sorted(waiting)}"
        made.append({"name": f"pass-{len(made)}", "interval": f"{STEP}s", "rules": ready})
        left = [rule for rule in left if rule not in ready]
    return made


def _recorded(rules: Sequence[Mapping[str, Any]], name: str) -> bool:
    return any(rule["record"] == name for rule in rules)


def _read(rule: Mapping[str, Any]) -> set[str]:
    return set(re.findall(r"railwatch:[a-z_0-9:]+", rule["expr"]))
