"""kubeconform takes all that is installed, by schemas of a real API server and the operators."""

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from testbed.api import read_objects
from testbed.operator import definition
from testbed.servers import Cluster
from tests.conformity import Schemas, publish
from tests.install.charts import DEPLOY, EVERYTHING, ROOT, Chart, Object, kustomized

pytestmark = pytest.mark.cluster

OPERATORS = ("alertmanagerconfigs", "podmonitors", "prometheusrules", "scrapeconfigs")
GRAFANA_OPERATOR = ROOT / "tests" / "fixtures" / "crds" / "grafanadashboards.yaml"

CHANGED = (
    "image.registry=registry.example.com:5000/gpu/",
    "image.pullPolicy=Always",
    "image.pullSecrets[0].name=key",
    "exporter.profile=least-privilege",
    "exporter.nodeSelector.pool=gpu",
    "exporter.resources.limits.memory=1Gi",
    "bridge.verdictMax=cordon",
    "bridge.cluster=a",
    "bridge.volumes[0].name=mine",
    "bridge.volumes[0].secret.secretName=mine",
    "bridge.volumeMounts[0].name=mine",
    "bridge.volumeMounts[0].mountPath=/mine",
    "scheduler.rights=needed",
    "scheduler.kubeScheduler.resources.requests.cpu=500m",
    "monitoring.labels.release=prometheus",
)
"""Values that change what the objects say, rather than which there are."""

LEFT_OUT = {
    "scheduler/kube-scheduler-config.yaml",  # a file for kube-scheduler; no API server serves it
    "exporter/nodes/nodes.yaml",  # a patch; the chart has what it makes
}
"""Manifests that are no objects of a cluster."""
OF_OTHERS = {"tolerations"}
"""Folders that hold values and patches for what others install."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """All that can be installed, a file an object, below a folder for each way to make it."""

    folder: Path
    items: dict[str, list[Object]]


@pytest.fixture(scope="module")
def made(chart: Chart, tmp_path_factory: pytest.TempPathFactory) -> Made:
    folders = {path.parent for path in DEPLOY.rglob("kustomization.yaml")}
    bases = [path for path in folders if is_base(path)]
    items = {
        "chart-default": [*chart.objects().values()],
        "chart-everything": [*chart.objects(*EVERYTHING).values()],
        "chart-changed": [*chart.objects(*EVERYTHING, *CHANGED).values()],
        **{f"base-{path.name}": [*kustomized(path).values()] for path in bases},
        "files": [item for path in manifests() for item in read_objects(path)],
    }
    folder = tmp_path_factory.mktemp("made")
    for name, each in items.items():
        (folder / name).mkdir()
        for number, item in enumerate(each):
            (folder / name / f"{number}.json").write_text(json.dumps(item), encoding="utf-8")
    return Made(folder=folder, items=items)


def is_base(folder: Path) -> bool:
    """Whether a folder is built by itself, rather than put into another."""
    text = (folder / "kustomization.yaml").read_text(encoding="utf-8")
    return bool(yaml.safe_load(text)["kind"] == "Kustomization")


def manifests() -> list[Path]:
    """Return the files of deploy/ that hold objects."""
    return [
        path
        for path in sorted(DEPLOY.rglob("*.yaml"))
        if path.name != "kustomization.yaml"
        and str(path.relative_to(DEPLOY)) not in LEFT_OUT
        and path.relative_to(DEPLOY).parts[0] not in {"chart", *OF_OTHERS}
    ]


@pytest.fixture(scope="module")
def schemas(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Schemas]:
    with Cluster() as cluster:
        for plural in OPERATORS:
            cluster.api.create(definition(plural))
        cluster.api.create(read_objects(GRAFANA_OPERATOR)[0])
        items = [item for each in made.items.values() for item in each]
        yield publish(cluster.api, items, tmp_path_factory.mktemp("schemas") / "kinds")


def test_every_object_is_as_its_schema_says_and_none_is_skipped(
    made: Made, schemas: Schemas
) -> None:
    done = schemas.check(made.folder)

    found = json.loads(done.stdout)
    assert [each["msg"] for each in found["resources"]] == []
    count = sum(len(each) for each in made.items.values())
    assert found["summary"] == {"valid": count, "invalid": 0, "errors": 0, "skipped": 0}
    assert all(made.items.values())


def test_a_field_that_a_kind_does_not_have_is_found_in_every_kind(
    made: Made, schemas: Schemas, tmp_path: Path
) -> None:
    one = {item["kind"]: item for each in made.items.values() for item in each}
    for kind, item in one.items():
        (tmp_path / f"{kind}.json").write_text(json.dumps(broken(item)), encoding="utf-8")

    found = json.loads(schemas.check(tmp_path).stdout)

    refused = {each["kind"]: each["msg"] for each in found["resources"]}
    assert refused.keys() == one.keys()
    assert all("no_such_field" in said for said in refused.values())


def broken(item: Mapping[str, Any]) -> Object:
    """Return an object with a field too many: in a container, in its spec, or beside its kind."""
    made = copy.deepcopy(dict(item))
    place = made.get("spec", made)
    if "template" in place:
        place = place["template"]["spec"]["containers"][0]
    place["no_such_field"] = 1
    return made


def test_the_charts_schema_knows_volumes_as_kubernetes_does(schemas: Schemas) -> None:
    values = json.loads((DEPLOY / "chart" / "railwatch" / "values.schema.json").read_text())
    workload = json.loads((schemas.folder / "deployment-apps-v1.json").read_text())
    parts = workload["components"]["schemas"]

    for name, kind in (("volumes", "Volume"), ("mounts", "VolumeMount")):
        known = values["$defs"][name]["items"]["properties"]
        assert known.keys() == parts[f"io.k8s.api.core.v1.{kind}"]["properties"].keys()
