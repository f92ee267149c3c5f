"""The chart makes the objects of deploy/ and nothing else, changed by what its values say."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import catalog
from testbed.api import read_objects
from tests.install.charts import (
    DEPLOY,
    EVERYTHING,
    RENDERED,
    Chart,
    Key,
    Object,
    bare,
    build,
    keyed,
    kustomized,
    pod,
    said,
    sets,
    tool,
)

NAMESPACE: Key = ("Namespace", "", "railwatch")
PROOFS: Key = ("ConfigMap", "railwatch", "railwatch-proofs")

NO_EXECUTE = "railwatch-bridge-no-execute"


@pytest.fixture(scope="module")
def default(chart: Chart) -> dict[Key, Object]:
    return bare(chart.objects())


def test_the_default_values_make_the_objects_of_the_base(default: dict[Key, Object]) -> None:
    base = kustomized(DEPLOY)

    # Helm needs the namespace beforehand; who uses kustomize applies the rendered proofs himself.
    assert base.keys() - default.keys() == {NAMESPACE}
    assert default.keys() - base.keys() == {PROOFS}
    assert all(default[key] == base[key] for key in default if key != PROOFS)


def rendered(chart: Chart, tmp_path: Path) -> dict[Key, Object]:
    resources = sorted((chart.path / "files" / "rendered").glob("*.yaml"))
    return keyed([item for path in resources for item in read_objects(path)])


def nodes(chart: Chart, tmp_path: Path) -> dict[Key, Object]:
    relative = os.path.relpath(DEPLOY, tmp_path)
    kustomization = {"resources": [relative], "components": [f"{relative}/exporter/nodes"]}
    (tmp_path / "kustomization.yaml").write_text(json.dumps(kustomization), encoding="utf-8")
    made = kustomized(tmp_path)
    return {key: item for key, item in made.items() if key[0] == "DaemonSet"}


def folder(name: str) -> Any:
    return lambda _chart, _tmp_path: kustomized(DEPLOY / name)


def file(name: str) -> Any:
    return lambda _chart, _tmp_path: keyed(read_objects(DEPLOY / name))


@pytest.mark.parametrize(
    ("values", "same"),
    [
        (["exporter.profile=least-privilege"], folder("exporter/least-privilege")),
        (["exporter.nodes={gpu,rdma,cloud}"], nodes),
        (["fabric.enabled=true"], folder("exporter/fabric")),
        (["admission.acceleratorPods=true"], file("scheduler/admission.yaml")),
        (["admission.queues=true"], file("scheduler/admission-queues.yaml")),
        (RENDERED, rendered),
    ],
    ids=["least-privilege", "nodes", "fabric", "accelerator pods", "queues", "rendered"],
)
def test_an_optional_part_is_what_its_folder_has(
    values: list[str], same: Any, chart: Chart, default: dict[Key, Object], tmp_path: Path
) -> None:
    expected = same(chart, tmp_path)

    made = bare(chart.objects(*values))

    assert expected
    assert {key: made[key] for key in expected} == expected
    assert made == {**default, **expected}


def test_the_chart_is_the_same_bytes_each_time_and_the_same_packed(
    chart: Chart, tmp_path: Path
) -> None:
    again = build(tmp_path / "again")

    said(tool("helm"), "package", chart.path, "-d", tmp_path)

    assert contents(again) == contents(chart.path)
    packed = Chart(path=tmp_path / f"railwatch-{catalog.__version__}.tgz")
    assert packed.template(*EVERYTHING) == chart.template(*EVERYTHING)


def contents(path: Path) -> dict[str, bytes]:
    return {str(p.relative_to(path)): p.read_bytes() for p in path.rglob("*") if p.is_file()}


def test_a_chart_that_was_not_made_says_how_to_make_it() -> None:
    assert "make chart" in Chart(path=DEPLOY / "chart" / "railwatch").refusal({})


def test_the_versions_are_the_programs(chart: Chart) -> None:
    about = yaml.safe_load((chart.path / "Chart.yaml").read_text())

    assert about["version"] == about["appVersion"] == catalog.__version__


def test_helm_finds_nothing_to_complain_of(chart: Chart) -> None:
    for values in ((), EVERYTHING):
        lint = said(tool("helm"), "lint", "--strict", chart.path, *sets(values))
        assert "[WARNING]" not in lint


def test_nothing_acts_until_its_owner_asks(default: dict[Key, Object]) -> None:
    bridge = pod(default, "Deployment", "railwatch-bridge")["containers"][0]
    scheduler = pod(default, "Deployment", "railwatch-scheduler")["containers"][0]

    assert "--verdict.max=observe" in bridge["args"]
    assert not {"--drain", "--publish-topology"} & {*scheduler["args"]}
    assert NO_EXECUTE in {name for _, _, name in default}
    assert not [key for key in default if key[0].startswith("Mutating")]


def test_values_change_what_they_say(chart: Chart) -> None:
    made = chart.objects(
        "image.registry=registry.example.com:5000/gpu/",
        "image.tag=1.2",
        "image.pullPolicy=Always",
        "image.pullSecrets[0].name=key",
        "bridge.verdictMax=cordon",
        "bridge.cluster=a",
        "bridge.prometheusUrls={http://p-0:9090,http://p-1:9090}",
        "bridge.args={--interval=30s,--proofs.file=/mine.yaml}",
        "bridge.replicas=3",
        "bridge.nodeSelector.pool=infra",
        "bridge.volumes[0].name=mine",
        "bridge.volumes[0].secret.secretName=mine",
        "bridge.volumeMounts[0].name=mine",
        "bridge.volumeMounts[0].mountPath=/mine",
        "scheduler.share=false",
        "scheduler.drain=true",
        "scheduler.kubeScheduler.image=mirror/kube-scheduler:v1.35.0",
        "scheduler.kubeScheduler.config=kind: KubeSchedulerConfiguration",
        "admission.noExecute=true",
        "exporter.resources.limits.memory=1Gi",
        "exporter.runtimeClassName=nvidia",
    )

    bridge = pod(made, "Deployment", "railwatch-bridge")
    extender, stock = pod(made, "Deployment", "railwatch-scheduler")["containers"]
    exporter_pod = pod(made, "DaemonSet", "railwatch-exporter")
    exporter = exporter_pod["containers"][0]
    assert exporter_pod["runtimeClassName"] == "nvidia"
    assert bridge["containers"][0]["image"] == "registry.example.com:5000/gpu/railwatch-bridge:1.2"
    assert bridge["containers"][0]["imagePullPolicy"] == "Always"
    assert bridge["imagePullSecrets"] == [{"name": "key"}]
    assert bridge["nodeSelector"] == {"pool": "infra"}
    assert bridge["containers"][0]["args"] == [
        "--web.listen-address=:9411",
        "--alertmanager.url=http://alertmanager-operated.monitoring:9093",
        "--prometheus.url=http://p-0:9090",
        "--prometheus.url=http://p-1:9090",
        "--verdict.max=cordon",
        "--cluster=a",
        "--interval=30s",
        "--proofs.file=/mine.yaml",
    ]
    assert bridge["volumes"][-1] == {"name": "mine", "secret": {"secretName": "mine"}}
    assert bridge["containers"][0]["volumeMounts"][-1] == {"name": "mine", "mountPath": "/mine"}
    assert made["Deployment", "railwatch", "railwatch-bridge"]["spec"]["replicas"] == 3
    assert {"--no-share", "--drain"} <= {*extender["args"]}
    assert "--share" not in extender["args"]
    assert stock["image"] == "mirror/kube-scheduler:v1.35.0"
    config = made["ConfigMap", "railwatch", "railwatch-scheduler-config"]
    assert config["data"] == {"kube-scheduler-config.yaml": "kind: KubeSchedulerConfiguration"}
    assert NO_EXECUTE not in {name for _, _, name in made}
    assert exporter["resources"] == {"limits": {"memory": "1Gi"}}


def test_each_part_can_be_left_out(chart: Chart) -> None:
    off = [f"{part}.enabled=false" for part in ("exporter", "bridge", "scheduler")]

    assert chart.objects(*off, "monitoring.proofs=false") == {}


@pytest.mark.parametrize("policy", ["acceleratorPods", "queues"])
def test_pods_are_not_given_to_a_scheduler_that_is_left_out(chart: Chart, policy: str) -> None:
    told = chart.refusal({"scheduler": {"enabled": False}, "admission": {policy: True}})

    assert f"admission.{policy}: pods would wait for a scheduler" in told


def test_rights_that_nothing_needs_can_be_left_out(
    chart: Chart, default: dict[Key, Object]
) -> None:
    lean = "scheduler.rights=needed"

    usual = bare(chart.objects(lean))
    most = chart.objects(
        lean, "scheduler.drain=true", "scheduler.publishTopology=true",
        "scheduler.args={--queues.reclaim}",
    )  # fmt: skip
    least = chart.objects(lean, "scheduler.share=false", "scheduler.gangs=false")

    gone = default.keys() - usual.keys()
    assert {name for _, _, name in gone} == {f"railwatch-{part}" for part in
                                             ("drainer", "publisher", "reclaim")}  # fmt: skip
    assert {kind for kind, _, _ in gone} == {"ClusterRole", "ClusterRoleBinding"}
    assert most.keys() == default.keys()
    assert {name for _, _, name in usual.keys() - least.keys()} == {
        "railwatch-share",
        "railwatch-gangs",
    }


def test_another_namespace_is_named_wherever_its_name_matters(chart: Chart) -> None:
    here = chart.objects(*EVERYTHING)
    there = chart.objects(*EVERYTHING, namespace="other")

    assert keyed_names(there) == keyed_names(here)
    was, still = (dict(naming(list(made.values()))) for made in (here, there))
    assert {"namespace", "names", "values", "expression", "url"} <= was.keys()
    # The part's name, Grafana's folder, and the AlertmanagerConfig.
    assert still.keys() <= {"app.kubernetes.io/part-of", "folder", "grafana_folder", "name"}
    flags = {flag for name in ("bridge", "scheduler") for flag in arguments(there, name)}
    assert {"--lease.namespace=other", "--pause.namespace=other"} <= flags


def naming(value: Any, under: str = "") -> Iterator[tuple[str, str]]:
    """Yield texts that name the namespace railwatch, or are just that word, and the key of each."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from naming(part, name)
    elif isinstance(value, list):
        for part in value:
            yield from naming(part, under)
    elif re.search(
        r"^railwatch$|:railwatch:|amespace: railwatch$|\.railwatch:", str(value), re.MULTILINE
    ):
        yield under, value


def arguments(items: dict[Key, Object], name: str) -> list[str]:
    found: list[str] = pod(items, "Deployment", f"railwatch-{name}")["containers"][0]["args"]
    return found


def keyed_names(items: dict[Key, Object]) -> set[tuple[str, bool, str]]:
    return {(kind, bool(namespace), name) for kind, namespace, name in items}
