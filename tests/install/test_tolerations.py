"""What deploy/tolerations/ gives to the DaemonSets of others lets them onto the nodes we taint."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.install.charts import DEPLOY, kustomized
from tests.install.values import PAGE

FOLDER = DEPLOY / "tolerations"
FILES = sorted(path for path in FOLDER.glob("*.yaml") if path.name != "kustomization.yaml")
PLUGIN = {
    "apiVersion": "apps/v1",
    "kind": "DaemonSet",
    "metadata": {"name": "their-plugin", "namespace": "kube-system"},
    "spec": {
        "selector": {"matchLabels": {"app": "plugin"}},
        "template": {
            "metadata": {"labels": {"app": "plugin"}},
            "spec": {
                "containers": [{"name": "plugin", "image": "plugin"}],
                "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
            },
        },
    },
}


def found(value: Any) -> Iterator[Any]:
    """Yield what stands under every `tolerations`, or what stands for it."""
    if isinstance(value, dict):
        for name, part in value.items():
            if name in ("tolerations", "tolerateAllTaints"):
                yield part
            else:
                yield from found(part)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_tolerates_every_taint_and_nothing_else(path: Path) -> None:
    said = list(found(yaml.safe_load(path.read_text(encoding="utf-8"))))

    assert said
    assert all(each in ([{"operator": "Exists"}], True) for each in said)
    assert f"`{path.name}`" in PAGE.read_text(encoding="utf-8")


def test_the_component_patches_every_daemon_set_and_nothing_else(tmp_path: Path) -> None:
    deployment = {**PLUGIN, "kind": "Deployment"}
    (tmp_path / "theirs.json").write_text(
        json.dumps({"apiVersion": "v1", "kind": "List", "items": [PLUGIN, deployment]}),
        encoding="utf-8",
    )
    component = os.path.relpath(FOLDER, tmp_path)
    kustomization = {"resources": ["theirs.json"], "components": [component]}
    (tmp_path / "kustomization.yaml").write_text(json.dumps(kustomization), encoding="utf-8")

    built = kustomized(tmp_path)

    tolerations = {
        kind: item["spec"]["template"]["spec"]["tolerations"]
        for (kind, _, _), item in built.items()
    }
    assert tolerations == {
        "DaemonSet": [{"operator": "Exists"}],
        "Deployment": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
    }
