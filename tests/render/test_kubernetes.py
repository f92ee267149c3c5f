"""The rendered objects before a real kube-apiserver that knows the operators' kinds."""

import copy
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts.scrape import ScrapeSettings
from render.settings import AlertmanagerSettings, KubernetesSettings, Settings
from render.tree import files
from render.writing import write
from testbed.api import ApiError, read_objects
from testbed.operator import definition, documents
from testbed.servers import Cluster
from testbed.tools import ensure
from tests.conformity import Schemas, publish

pytestmark = pytest.mark.cluster

KINDS = ("alertmanagerconfigs", "podmonitors", "prometheusrules", "scrapeconfigs")
GRAFANA_OPERATOR = Path(__file__).parents[1] / "fixtures" / "crds" / "grafanadashboards.yaml"
OTHERWISE = Settings(
    scrape=ScrapeSettings(discovery="file", files=("/etc/prometheus/targets/*.yaml",)),
    alertmanager=AlertmanagerSettings(
        bridge_token_secret="railwatch-bridge/token",
        watchdog_url="http://watchdog.example/ping",
    ),
    kubernetes=KubernetesSettings(namespace="elsewhere", labels={"release": "prom"}),
)
"""Settings that change the objects: other discovery, a secret, labels, a namespace."""

Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    cluster: Cluster
    schemas: Schemas
    tree: Path
    """Rendered by the defaults."""
    other: Path
    """Rendered by other settings."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("kubernetes")
    write(folder / "tree", files(Settings()))
    write(folder / "other", files(OTHERWISE))
    with Cluster() as cluster:
        for plural in KINDS:
            cluster.api.create(definition(plural))
        cluster.api.create(read_objects(GRAFANA_OPERATOR)[0])
        for name in ("railwatch", "elsewhere"):
            cluster.api.create(
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            )
        tree, other = (folder / name / "kubernetes" for name in ("tree", "other"))
        schemas = publish(cluster.api, [*objects(tree), *objects(other)], folder / "schemas")
        yield Site(cluster=cluster, schemas=schemas, tree=tree, other=other)


def objects(folder: Path) -> list[Document]:
    return [*read_objects(folder), *read_objects(folder / "grafana-operator")]


def test_a_real_api_server_creates_every_object_and_drops_no_field(site: Site) -> None:
    kinds = set()
    for item in [*objects(site.tree), *objects(site.other)]:
        created = site.cluster.api.create(item, strict=True)
        assert kept(item, created)
        kinds.add(item["kind"])

    assert kinds == {
        "PrometheusRule",
        "PodMonitor",
        "ScrapeConfig",
        "AlertmanagerConfig",
        "ConfigMap",
        "GrafanaDashboard",
    }


def kept(part: Any, whole: Any) -> bool:
    """Whether all of an object stands in what was made of it, defaults added."""
    if isinstance(part, dict):
        return all(key in whole and kept(value, whole[key]) for key, value in part.items())
    if isinstance(part, list):
        return len(part) == len(whole) and all(map(kept, part, whole))
    return bool(part == whole)


@pytest.mark.parametrize("name", ["scrapeconfig-fabric.yaml", "prometheusrule-shard.yaml"])
def test_a_field_that_the_kind_does_not_have_is_refused(
    site: Site, name: str, tmp_path: Path
) -> None:
    (item,) = read_objects(site.tree / name)
    broken = copy.deepcopy(item)
    broken["metadata"]["name"] = "broken"
    broken["spec"]["no_such_field"] = 1
    path = tmp_path / name
    path.write_text(yaml.safe_dump(broken), encoding="utf-8")

    with pytest.raises(ApiError, match="no_such_field"):
        site.cluster.api.create(broken, strict=True)
    assert "no_such_field" in site.schemas.check(path).stdout


def test_kubeconform_finds_every_object_as_its_schema_says(site: Site) -> None:
    done = site.schemas.check(site.tree, site.other)

    summary = json.loads(done.stdout)["summary"]
    assert done.returncode == 0, done.stdout
    assert summary == {
        "valid": len(objects(site.tree)) + len(objects(site.other)),
        "invalid": 0,
        "errors": 0,
        "skipped": 0,
    }


@pytest.mark.parametrize("folder", [".", "grafana-operator"])
def test_kustomize_builds_the_same_objects(site: Site, folder: str) -> None:
    done = subprocess.run(
        [ensure("kustomize")["kustomize"], "build", site.tree / folder],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    built = documents(done.stdout)
    assert identified(built) == identified(read_objects(site.tree / folder))


def identified(items: list[Document]) -> dict[tuple[str, str], Document]:
    return {(item["kind"], item["metadata"]["name"]): item for item in items}
