"""A real kube-apiserver takes what is installed as it is, and keeps nothing of it afterwards."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.api import Api, ApiError, read_objects
from testbed.operator import definition
from testbed.servers import Cluster
from testbed.waiting import until_true
from tests.install.charts import (
    DEPLOY,
    EVERYTHING,
    ROOT,
    Chart,
    Key,
    Object,
    kustomized,
    said,
    sets,
    tool,
)

pytestmark = pytest.mark.cluster

NAMESPACE: Key = ("Namespace", "", "railwatch")
PROGRAMS = {"health_bridge": "railwatch-bridge", "scheduler_feedback": "railwatch-scheduler"}
CRDS = ("alertmanagerconfigs", "podmonitors", "prometheusrules", "scrapeconfigs")
GRAFANA_OPERATOR = ROOT / "tests" / "fixtures" / "crds" / "grafanadashboards.yaml"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster() as running:
        for plural in CRDS:
            running.api.create(definition(plural))
        running.api.create(read_objects(GRAFANA_OPERATOR)[0])
        running.apply(DEPLOY / "namespace.yaml")
        yield running


def test_a_real_api_server_creates_the_charts_objects_and_drops_no_field(
    chart: Chart, cluster: Cluster
) -> None:
    made = chart.objects(*EVERYTHING)

    for item in made.values():
        cluster.api.create(item, strict=True)
    for item in reversed(made.values()):
        cluster.api.delete(cluster.api.path(item))

    assert len(made) > 60


def test_a_real_api_server_creates_the_base_and_drops_no_field(cluster: Cluster) -> None:
    made = kustomized(DEPLOY)

    for key, item in made.items():
        if key != NAMESPACE:
            cluster.api.create(item, strict=True)
    for key, item in made.items():
        if key != NAMESPACE:
            cluster.api.delete(cluster.api.path(item))

    assert len(made) > 30


def test_what_helm_installs_and_the_bridge_wrote_goes_without_a_trace(
    chart: Chart, cluster: Cluster
) -> None:
    helm: list[str | Path] = [tool("helm"), "--kubeconfig", cluster.kubeconfig, "-n", "railwatch"]
    before = everything(cluster.api)
    cluster.add_nodes(["gpu-0"])
    plain = cluster.node("gpu-0")

    said(*helm, "install", "railwatch", chart.path, *sets(EVERYTHING))
    installed = everything(cluster.api) - before
    dirty(cluster)
    for program, account in PROGRAMS.items():
        kubeconfig = cluster.kubeconfig_for(f"system:serviceaccount:railwatch:{account}")
        said(sys.executable, "-m", program, "release", "--all", f"--kubeconfig={kubeconfig}")
    said(*helm, "uninstall", "railwatch", "--wait")

    assert len(installed) > 60
    after = cluster.node("gpu-0")
    until_true(lambda: left(cluster, before, {"/api/v1/nodes/gpu-0"}))
    assert after["metadata"]["annotations"] == plain["metadata"]["annotations"]
    assert after["spec"].get("taints") == plain["spec"].get("taints")
    assert types(after) == types(plain)


def left(cluster: Cluster, before: set[str], expected: set[str]) -> None:
    assert everything(cluster.api) - before == expected


def dirty(cluster: Cluster) -> None:
    """Write what the programs write: on a node, and the Leases that they have let go."""
    for name in ("railwatch-bridge", "railwatch-scheduler"):
        cluster.api.create(
            {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": name, "namespace": "railwatch"},
                "spec": {"leaseDurationSeconds": 10},
            }
        )
    taint = {"key": "railwatch.io/gpu-unavailable", "value": "drain", "effect": "NoSchedule"}
    owned = {"taints": ["railwatch.io/gpu-unavailable"], "conditions": ["GpuUnavailable"]}
    annotations = {"railwatch.io/owned": json.dumps(owned), "railwatch.io/verified-boot": "b"}
    cluster.api.merge(
        "/api/v1/nodes/gpu-0",
        {"metadata": {"annotations": annotations}, "spec": {"taints": [taint]}},
    )
    condition = {"type": "GpuUnavailable", "status": "True", "reason": "R", "message": ""}
    cluster.api.merge_by_key("/api/v1/nodes/gpu-0/status", {"status": {"conditions": [condition]}})


def types(node: Object) -> set[str]:
    return {condition["type"] for condition in node["status"]["conditions"]}


PASSING = {"events", "componentstatuses", "apiservices"}
"""What comes and goes without anybody installing it."""


def everything(api: Api) -> set[str]:
    """Return the paths of all objects that the API server keeps."""
    groups = [f"apis/{g['preferredVersion']['groupVersion']}" for g in api.get("/apis")["groups"]]
    found = set()
    for group in ["api/v1", *groups]:
        for resource in api.get(f"/{group}")["resources"]:
            name = resource["name"]
            if "/" in name or "list" not in resource["verbs"] or name in PASSING:
                continue
            for item in listed(api, f"/{group}/{name}"):
                place = item["metadata"].get("namespace")
                if place == "kube-system":  # the API server's own Leases
                    continue
                middle = f"namespaces/{place}/{name}" if place else name
                found.add(f"/{group}/{middle}/{item['metadata']['name']}")
    return found


def listed(api: Api, path: str) -> list[Object]:
    try:
        return api.items(path)
    except ApiError:  # a kind whose group is served, and it is not
        return []
