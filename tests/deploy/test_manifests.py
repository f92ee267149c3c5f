"""What deploy/ holds is what a real kube-apiserver accepts, whole."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from testbed.servers import Cluster

APPS = "/apis/apps/v1/namespaces/railwatch"
DEPLOY = Path(__file__).parents[2] / "deploy"


def manifests() -> list[dict[str, Any]]:
    """Every object that the kustomization names, as `kubectl apply -k` would create it."""
    kustomization = yaml.safe_load((DEPLOY / "kustomization.yaml").read_text())
    objects = [
        document
        for resource in kustomization["resources"]
        for document in yaml.safe_load_all((DEPLOY / resource).read_text())
        if document
    ]
    for generated in kustomization["configMapGenerator"]:
        data = {Path(name).name: (DEPLOY / name).read_text() for name in generated["files"]}
        objects.append(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": generated["name"], "namespace": "railwatch"},
                "data": data,
            }
        )
    return objects


def test_every_manifest_is_named_by_the_kustomization() -> None:
    kustomization = yaml.safe_load((DEPLOY / "kustomization.yaml").read_text())
    generated = [name for entry in kustomization["configMapGenerator"] for name in entry["files"]]
    named = {*kustomization["resources"], *generated, "kustomization.yaml"}

    found = {str(path.relative_to(DEPLOY)) for path in DEPLOY.rglob("*.yaml")}

    assert found == named


@pytest.mark.cluster
def test_a_real_api_server_takes_every_object_as_it_is() -> None:
    with Cluster() as cluster:
        for manifest in manifests():
            cluster.api.create(manifest)

        daemon_set = cluster.api.get(f"{APPS}/daemonsets/railwatch-exporter")
        deployments = cluster.api.items(f"{APPS}/deployments")

    assert daemon_set["spec"]["template"]["spec"]["tolerations"] == [{"operator": "Exists"}]
    names = {deployment["metadata"]["name"] for deployment in deployments}
    assert names == {"railwatch-bridge", "railwatch-scheduler"}


def test_nothing_acts_until_its_owner_asks() -> None:
    arguments = {
        manifest["metadata"]["name"]: manifest["spec"]["template"]["spec"]["containers"][0]["args"]
        for manifest in manifests()
        if manifest["kind"] == "Deployment"
    }

    assert "--verdict.max=observe" in arguments["railwatch-bridge"]
    assert "--drain" not in arguments["railwatch-scheduler"]
