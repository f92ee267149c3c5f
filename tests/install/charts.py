"""The Helm chart as a checkout makes it, and what Helm and kustomize make of it and of deploy/."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from testbed.operator import documents
from testbed.tools import ensure

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
HELMS = {"app.kubernetes.io/managed-by", "helm.sh/chart"}
"""The labels that the chart adds, and kustomize does not."""

RENDERED = (
    "monitoring.podMonitors=true",
    "monitoring.scrapeConfigs=true",
    "monitoring.rules={shard,global}",
    "monitoring.alertmanagerConfig=true",
    "monitoring.dashboards=true",
)
EVERYTHING = (
    *RENDERED,
    "monitoring.grafanaOperator=true",
    "fabric.enabled=true",
    "admission.acceleratorPods=true",
    "admission.queues=true",
    "exporter.nodes={gpu,rdma,cloud}",
)
"""What switches every optional part on."""

Object = dict[str, Any]
Key = tuple[str, str, str]


@cache
def tool(name: str) -> Path:
    """Return a program of the testbed, built once."""
    return ensure(name)[name]


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, in an environment without anybody's Helm settings."""
    scripts = Path(sys.executable).parent
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HELM_")}
    return subprocess.run(
        words,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        env={**clean, "PATH": f"{scripts}:{os.environ['PATH']}"},
    )


def said(*words: str | Path) -> str:
    """Return what a program prints that must succeed."""
    done = run(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def build(folder: Path, *config: Path) -> Path:
    """Make the chart as `make chart` does, with a render.toml where one is given."""
    return Path(said(DEPLOY / "chart" / "build", folder, *config).strip())


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart, by its folder or archive."""

    path: Path

    def template(
        self, *values: str, namespace: str = "railwatch", more: Object | None = None
    ) -> str:
        """Return the objects as a text, as Helm would create them."""
        return said(*self._template(values, namespace), "--set-json", json.dumps(more or {}))

    def objects(self, *values: str, namespace: str = "railwatch") -> dict[Key, Object]:
        """Return the objects by kind, namespace and name."""
        return keyed(documents(self.template(*values, namespace=namespace)))

    def refusal(self, values: Object) -> str:
        """Return why these values are refused."""
        done = run(*self._template((), "railwatch"), "--set-json", json.dumps(values))
        assert done.returncode != 0, values
        return done.stderr

    def _template(self, values: Sequence[str], namespace: str) -> list[str | Path]:
        return [tool("helm"), "template", "railwatch", self.path, "-n", namespace, *sets(values)]


def sets(values: Sequence[str]) -> list[str]:
    """Return values as Helm's flags."""
    return [word for value in values for word in ("--set", value)]


def kustomized(folder: Path) -> dict[Key, Object]:
    """Return the objects of a kustomization."""
    return keyed(documents(said(tool("kustomize"), "build", folder)))


def keyed(items: Sequence[Object | None]) -> dict[Key, Object]:
    """Return objects by kind, namespace and name, which must differ."""
    found: dict[Key, Object] = {}
    for item in filter(None, items):
        metadata = item["metadata"]
        key = item["kind"], metadata.get("namespace", ""), metadata["name"]
        assert key not in found, f"twice: {key}"
        found[key] = item
    return found


def bare(items: dict[Key, Object]) -> dict[Key, Object]:
    """Return objects without the labels that are Helm's alone."""
    for item in items.values():
        labels = item["metadata"].get("labels", {})
        assert labels.keys() >= HELMS
        kept = {name: value for name, value in labels.items() if name not in HELMS}
        item["metadata"] = {k: v for k, v in item["metadata"].items() if k != "labels"}
        if kept:
            item["metadata"]["labels"] = kept
    return items


def pod(items: dict[Key, Object], kind: str, name: str) -> Object:
    """Return the pod's part of a workload."""
    (found,) = [item for (k, _, n), item in items.items() if (k, n) == (kind, name)]
    template: Object = found["spec"]["template"]["spec"]
    return template
