"""Asks the real promtool what a rendered rule does with some series."""

import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from alerts import proofs
from alerts.cases import rule_files
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


@cache
def _made() -> Mapping[str, str]:
    """Return what Prometheus reads by default; made once, for it is much."""
    return _files(Settings())


def _files(settings: Settings) -> Mapping[str, str]:
    return dict(prometheus(settings, settings.tuned()))


def rendered(out: Path, settings: Settings | None = None, only: Sequence[str] = ()) -> Path:
    """Render what Prometheus reads into a directory, and return the folder in it."""
    made = _files(settings) if settings else _made()
    wanted = [f"prometheus/{path}" for path in only] or list(made)
    write(out, {path: made[path].encode() for path in wanted})
    return out / "prometheus"


def rules(name: str) -> list[str]:
    """Return the rule files that an alert needs."""
    return list(rule_files(alert(name)))


def complaints(out: Path, name: str, settings: Settings | None = None) -> str:
    """Return what the rendered unit tests of an alert complain of; empty if they pass."""
    tests = f"tests/{stem(name)}.yaml"
    folder = rendered(out, settings, [*rules(name), tests])
    done = run("test", "rules", folder / tests)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def alert(name: str) -> Alert:
    return next(each for each in all_alerts() if each.name == name)


Samples = Mapping[str, str]
"""Series and their values in promtool's notation, one each 15 seconds."""


def firing(out: Path, name: str, series: Samples, at: str, devices: Sequence[str]) -> str:
    """Return how the devices that an alert fires for differ from those expected."""
    asked = f'ALERTS{{alertname="{name}",alertstate="firing"}}'
    query = f"count by (node, uuid, guid, domain, line) ({asked})"
    return answer(out, question(query, at, devices), series, rules(name))


def proven(out: Path, name: str, series: Samples, at: str, devices: Sequence[str]) -> str:
    """Return how the devices proven healthy differ from those expected."""
    query = proofs.query(alert(name), INTERVALS).replace("$selector", 'node="n1"')
    return answer(out, question(query, at, devices), series, rules(name))


def question(query: str, at: str, devices: Sequence[str]) -> dict[str, Any]:
    samples = [{"labels": device, "value": 1} for device in devices]
    return {"expr": query, "eval_time": at, "exp_samples": samples}


def answer(out: Path, asked: dict[str, Any], series: Samples, files: Sequence[str]) -> str:
    """Return promtool's complaint, empty where the answer is as expected."""
    test = {
        "interval": "15s",
        "input_series": [{"series": k, "values": v} for k, v in series.items()],
        "promql_expr_test": [asked],
    }
    document = {
        "rule_files": [str(rendered(out, only=files) / path) for path in files],
        "evaluation_interval": "15s",
        "tests": [test],
    }
    path = out / "asked.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    done = run("test", "rules", path)
    return "" if done.returncode == 0 else done.stdout + done.stderr
