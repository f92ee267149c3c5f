"""The rendered objects before a real kube-apiserver that knows the operators' kinds."""

import copy
import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
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
from testbed.waiting import wait_until

pytestmark = pytest.mark.cluster

KINDS = ("alertmanagerconfigs", "podmonitors", "prometheusrules", "scrapeconfigs")
GRAFANA_OPERATOR = Path(__file__).parents[1] / "fixtures" / "crds" / "grafanadashboards.yaml"
GROUPS = {
    "api/v1": {"ConfigMap"},
    "apis/monitoring.coreos.com/v1": {"PodMonitor", "PrometheusRule"},
    "apis/monitoring.coreos.com/v1alpha1": {"AlertmanagerConfig", "ScrapeConfig"},
    "apis/grafana.integreatly.org/v1beta1": {"GrafanaDashboard"},
}
"""The kinds that are rendered, by the part of the API that serves them."""
OTHERWISE = Settings(
    scrape=ScrapeSettings(discovery="file", files=("/etc/prometheus/targets/*.yaml",)),
    alertmanager=AlertmanagerSettings(
        bridge_token_secret="railwatch-bridge/token",
        watchdog_url="http://watchdog.example/ping",
    ),
    kubernetes=KubernetesSettings(namespace="elsewhere", labels={"release": "prom"}),
)
"""Settings that change the objects: other discovery, a secret, labels, a namespace."""

OF_CONFIG_MAP = {
    "ConfigMap",
    "FieldsV1",
    "ManagedFieldsEntry",
    "ObjectMeta",
    "OwnerReference",
    "Time",
}
"""Of the core group's schemas, those that a ConfigMap's is made of."""

Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    cluster: Cluster
    schemas: Path
    tree: Path
    """Rendered by the defaults."""
    other: Path
    """Rendered by other settings."""

    def conforms(self, *paths: Path) -> subprocess.CompletedProcess[str]:
        where = f"{self.schemas}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
        return subprocess.run(
            [ensure("kubeconform")["kubeconform"], "-strict", "-summary", "-output", "json",
             "-ignore-filename-pattern", "kustomization", "-schema-location", where, *paths],
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip


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
        yield Site(
            cluster=cluster,
            schemas=schemas(cluster, folder / "schemas"),
            tree=folder / "tree" / "kubernetes",
            other=folder / "other" / "kubernetes",
        )


def schemas(cluster: Cluster, folder: Path) -> Path:
    """Write JSON schemas of the kinds as the API server publishes them, for kubeconform."""
    folder.mkdir()
    for group, kinds in GROUPS.items():
        document = wait_until(partial(published, cluster, group, kinds), what=f"{group} published")
        components = {"schemas": {name: closed(schema) for name, schema in document.items()}}
        for name, schema in document.items():
            for kind in schema.get("x-kubernetes-group-version-kind", ()):
                file = folder / f"{kind['kind'].lower()}{suffix(kind)}.json"
                own = {"$ref": f"#/components/schemas/{name}", "components": components}
                file.write_text(json.dumps(own), encoding="utf-8")
    return folder


def published(cluster: Cluster, group: str, kinds: set[str]) -> Document:
    """Return the schemas of a group; none until these kinds are among them."""
    try:
        found = cluster.api.get(f"/openapi/v3/{group}")["components"]["schemas"]
    except ApiError:
        return {}
    if not kinds <= {name.rpartition(".")[2] for name in found}:
        return {}
    if group == "api/v1":
        return {
            name: one for name, one in found.items() if name.rpartition(".")[2] in OF_CONFIG_MAP
        }
    return dict(found)


def closed(schema: Any) -> Any:
    """Return a schema that refuses what it does not know, where it knows anything."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: closed(value) for key, value in schema.items()}
    if isinstance(made.get("properties"), dict) and "additionalProperties" not in made:
        made["additionalProperties"] = False
    return made


def suffix(kind: Mapping[str, str]) -> str:
    group = f"{kind['group'].partition('.')[0]}-" if kind["group"] else ""
    return f"-{group}{kind['version']}".lower()


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
    assert "no_such_field" in site.conforms(path).stdout


def test_kubeconform_finds_every_object_as_its_schema_says(site: Site) -> None:
    done = site.conforms(site.tree, site.other)

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
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    built = documents(done.stdout)
    assert identified(built) == identified(read_objects(site.tree / folder))


def identified(items: list[Document]) -> dict[tuple[str, str], Document]:
    return {(item["kind"], item["metadata"]["name"]): item for item in items}
