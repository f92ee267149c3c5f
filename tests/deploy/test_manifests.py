"""What deploy/ holds is what a real kube-apiserver accepts, whole."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client, config

from testbed.servers import Cluster

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
    with Cluster(kwok=False, controller_manager=False, scheduler=False) as cluster:
        for manifest in manifests():
            cluster.apply(manifest)
        api = client.AppsV1Api(config.new_client_from_config(str(cluster.kubeconfig)))

        daemon_set = api.read_namespaced_daemon_set("railwatch-exporter", "railwatch")
        deployments = api.list_namespaced_deployment("railwatch").items

    tolerations = daemon_set.spec.template.spec.tolerations
    assert [(t.key, t.operator) for t in tolerations] == [(None, "Exists")]
    assert {d.metadata.name for d in deployments} == {"railwatch-bridge", "railwatch-scheduler"}


def test_nothing_acts_until_its_owner_asks() -> None:
    arguments = {
        manifest["metadata"]["name"]: manifest["spec"]["template"]["spec"]["containers"][0]["args"]
        for manifest in manifests()
        if manifest["kind"] == "Deployment"
    }

    assert "--verdict.max=observe" in arguments["railwatch-bridge"]
    assert "--drain" not in arguments["railwatch-scheduler"]
