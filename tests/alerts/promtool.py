"""Asks the real promtool what a rendered rule does with some series."""

import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from alerts import proofs
from alerts.discovery import all_alerts, stem
from alerts.model import Alert
from alerts.tuning import Intervals
from render.settings import Settings
from render.tree import prometheus
from render.writing import write
from testbed.tools import ensure

INTERVALS = Intervals()


@cache
def program() -> Path:
    return ensure("promtool")["promtool"]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program(), *map(str, arguments)], capture_output=True, text=True, check=False, timeout=120
    )


def rendered(out: Path, settings: Settings | None = None) -> Path:
    """Render what Prometheus reads into a directory, and return the folder in it."""
    settings = settings or Settings()
    made = dict(prometheus(settings, settings.tuned()))
    write(out, {path: text.encode() for path, text in made.items()})
    return out / "prometheus"


def complaints(out: Path, name: str, settings: Settings | None = None) -> str:
    """Return what the rendered unit tests of an alert complain of; empty if they pass."""
    tests = rendered(out, settings) / "tests" / f"{stem(name)}.yaml"
    done = run("test", "rules", tests)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def alert(name: str) -> Alert:
    return next(each for each in all_alerts() if each.name == name)


Samples = Mapping[str, str]
"""Series and their values in promtool's notation, one each 15 seconds."""


def firing(out: Path, name: str, series: Samples, at: str, devices: Sequence[str]) -> str:
    """Return how the devices that an alert fires for differ from those expected."""
    asked = f'ALERTS{{alertname="{name}",alertstate="firing"}}'
    query = f"count by (node, uuid, guid) ({asked})"
    return answer(out, question(query, at, devices), series)


def proven(out: Path, name: str, series: Samples, at: str, devices: Sequence[str]) -> str:
    """Return how the devices proven healthy differ from those expected."""
    query = proofs.query(alert(name), INTERVALS).replace("$selector", 'node="n1"')
    return answer(out, question(query, at, devices), series)


def question(query: str, at: str, devices: Sequence[str]) -> dict[str, Any]:
    samples = [{"labels": device, "value": 1} for device in devices]
    return {"expr": query, "eval_time": at, "exp_samples": samples}


def answer(out: Path, asked: dict[str, Any], series: Samples) -> str:
    """Return promtool's complaint, empty where the answer is as expected."""
    test = {
        "interval": "15s",
        "input_series": [{"series": k, "values": v} for k, v in series.items()],
        "promql_expr_test": [asked],
    }
    document = {
        "rule_files": [str(rendered(out) / "rules" / "*.yaml")],
        "evaluation_interval": "15s",
        "tests": [test],
    }
    path = out / "asked.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    done = run("test", "rules", path)
    return "" if done.returncode == 0 else done.stdout + done.stderr
