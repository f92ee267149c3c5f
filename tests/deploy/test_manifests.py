"""What deploy/ holds is what a real kube-apiserver accepts, whole."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts.scrape import APP
from catalog.labels import EXPORTER_JOB
from exporters.needs import NEEDS, Need
from exporters.registry import FABRIC
from exporters.settings import Settings, add_settings, open_settings
from program.flags import parser
from program.surface import add_surface
from testbed.servers import Cluster

APPS = "/apis/apps/v1/namespaces/railwatch"
DEPLOY = Path(__file__).parents[2] / "deploy"
PROFILE = "exporter/least-privilege"
OPT_IN = {"scheduler/admission.yaml", "scheduler/admission-queues.yaml"}
"""Changes other people's pods: applied by who wants that."""
LEAST = (f"{PROFILE}/kustomization.yaml", f"{PROFILE}/daemonset.yaml")
"""The exporter's other profile, applied in the place of exporter/daemonset.yaml."""
FABRIC_FOLDER = "exporter/fabric"
FABRIC_INSTANCE = (f"{FABRIC_FOLDER}/kustomization.yaml", f"{FABRIC_FOLDER}/deployment.yaml")
"""The exporter that looks at a fabric, applied beside the others, once for each fabric."""
NODES = {"exporter/nodes/kustomization.yaml", "exporter/nodes/nodes.yaml"}
"""Keeps the exporter to some nodes, a component of kustomizations."""
ELSEWHERE = {"chart", "tolerations"}
"""Folders of what is for Helm, and for the programs of others."""


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
                "metadata": {"name": generated["name"], "namespace": generated["namespace"]},
                "data": data,
            }
        )
    return objects


def test_every_manifest_is_named_by_the_kustomization() -> None:
    kustomization = yaml.safe_load((DEPLOY / "kustomization.yaml").read_text())
    generated = [name for entry in kustomization["configMapGenerator"] for name in entry["files"]]
    named = {*kustomization["resources"], *generated, "kustomization.yaml"}
    named |= {*LEAST, *FABRIC_INSTANCE, *OPT_IN, *NODES}

    files = {path.relative_to(DEPLOY) for path in DEPLOY.rglob("*.yaml")}
    found = {str(path) for path in files if path.parts[0] not in ELSEWHERE}

    assert found == named


@pytest.mark.cluster
def test_a_real_api_server_takes_every_object_as_it_is() -> None:
    with Cluster() as cluster:
        for manifest in manifests():
            cluster.api.create(manifest)

        daemon_set = cluster.api.get(f"{APPS}/daemonsets/railwatch-exporter")
        for manifest in read(LEAST[1]):
            cluster.api.delete(cluster.api.path(manifest))
            cluster.api.create(manifest)
        for manifest in read(FABRIC_INSTANCE[1]):
            cluster.api.create(manifest)
        deployments = cluster.api.items(f"{APPS}/deployments")

    assert daemon_set["spec"]["template"]["spec"]["tolerations"] == [{"operator": "Exists"}]
    names = {deployment["metadata"]["name"] for deployment in deployments}
    assert names == {"railwatch-bridge", "railwatch-scheduler", "railwatch-fabric"}


def read(path: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / path).read_text()))


def pod(path: str) -> dict[str, Any]:
    (found,) = [one for one in read(path) if one["kind"] in ("DaemonSet", "Deployment")]
    template: dict[str, Any] = found["spec"]["template"]["spec"]
    return template


def holds(whole: Any, part: Any) -> bool:
    """Whether all of a part stands in the whole, each of its items in some item."""
    if isinstance(part, dict):
        return all(name in whole and holds(whole[name], value) for name, value in part.items())
    if isinstance(part, list):
        return all(any(holds(one, item) for one in whole) for item in part)
    return bool(whole == part)


@pytest.mark.parametrize("need", NEEDS, ids=lambda need: need.name)
def test_the_full_profile_gives_every_need_of_the_exporter(need: Need) -> None:
    assert holds(pod("exporter/daemonset.yaml"), yaml.safe_load(need.gives))


@pytest.mark.parametrize("need", NEEDS, ids=lambda need: need.name)
def test_the_least_profile_gives_what_the_table_says(need: Need) -> None:
    assert holds(pod(LEAST[1]), yaml.safe_load(need.gives)) == need.least


def test_the_least_profile_has_no_right_at_all() -> None:
    (container,) = pod(LEAST[1])["containers"]

    assert "hostPID" not in pod(LEAST[1])
    assert container["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert not container["securityContext"]["allowPrivilegeEscalation"]


@pytest.mark.parametrize("path", ["exporter/daemonset.yaml", LEAST[1]])
def test_the_exporter_takes_the_flags_of_its_profiles(path: str) -> None:
    assert told(path).state == "/var/lib/railwatch"


def told(path: str) -> Settings:
    """Return what a profile's flags say."""
    made = parser("railwatch-exporter", "")
    add_settings(made)
    add_surface(made, ":9410")
    (container,) = pod(path)["containers"]
    return open_settings(made.parse_args(container["args"]))


def test_the_exporter_of_a_fabric_reads_that_alone() -> None:
    assert told(FABRIC_INSTANCE[1]).facilities == {one.key for one in FABRIC.facilities if one.on}


def test_the_exporter_of_a_fabric_has_what_it_needs_and_is_alone() -> None:
    (deployment,) = [one for one in read(FABRIC_INSTANCE[1]) if one["kind"] == "Deployment"]
    (need,) = [one for one in NEEDS if "fabric" in one.facilities]
    spec = pod(FABRIC_INSTANCE[1])

    assert holds(spec, yaml.safe_load(need.gives))
    assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
    assert {volume["name"] for volume in spec["volumes"]} == {"infiniband", "tmp"}
    assert (deployment["spec"]["replicas"], deployment["spec"]["strategy"]["type"]) == (
        1,
        "Recreate",
    )
    scraped = {APP: EXPORTER_JOB}.items()
    assert not scraped <= deployment["spec"]["template"]["metadata"]["labels"].items()


def test_nothing_acts_until_its_owner_asks() -> None:
    arguments = {
        manifest["metadata"]["name"]: manifest["spec"]["template"]["spec"]["containers"][0]["args"]
        for manifest in manifests()
        if manifest["kind"] == "Deployment"
    }

    assert "--verdict.max=observe" in arguments["railwatch-bridge"]
    assert "--drain" not in arguments["railwatch-scheduler"]
