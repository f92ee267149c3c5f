"""kube-state-metrics and blackbox_exporter themselves, beside a real kube-apiserver.

What the alerts read is there under the names and labels that the catalogue says, and a real
Prometheus that scrapes it says what the alerts are to say.
"""

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families as families

from alerts.discovery import NEIGHBOURS, by_family
from alerts.promql import written
from alerts.tuning import expression
from catalog.neighbours_index import by_program
from testbed.http import Client
from testbed.ports import free_port
from testbed.processes import Process
from testbed.servers import Cluster, Prometheus
from testbed.tools import ensure
from testbed.waiting import wait_until

pytestmark = pytest.mark.cluster

GPU = "nvidia.com/gpu"
UNLABELLED = {"kube_pod_labels", "kube_node_labels"}
"""Their labels are those of the objects."""


def pod(name: str, *, node: str = "") -> dict[str, Any]:
    resources = {"limits": {GPU: "8"}, "requests": {GPU: "8"}}
    train = {"name": "train", "image": "registry.example/train:1", "resources": resources}
    spec = {"containers": [train], **({"nodeName": node} if node else {})}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec,
    }


def job(name: str) -> dict[str, Any]:
    train = {"name": "load", "image": "registry.example/load:1"}
    template = {"spec": {"containers": [train], "restartPolicy": "Never"}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"template": template},
    }


def workload(kind: str) -> dict[str, Any]:
    """Return a workload whose controller, as there is none here, makes nothing of it."""
    labels = {"app": "train"}
    template = {"metadata": {"labels": labels}, "spec": pod("template")["spec"]}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": "train", "namespace": "default"},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }


def break_things(cluster: Cluster) -> None:
    """One pod waits for GPUs that are free, one for its image; a GPU is unwell, a load failed."""
    api = cluster.api
    cluster.add_nodes(["gpu-1", "gpu-2"])
    less = {"cpu": "128", "memory": "2Ti", "pods": "110", GPU: "6"}
    api.merge("/api/v1/nodes/gpu-2/status", {"status": {"allocatable": less}})
    taint = {"key": "railwatch.io/gpu-unavailable", "value": "cordon", "effect": "NoSchedule"}
    api.merge("/api/v1/nodes/gpu-2", {"spec": {"taints": [taint]}})
    pods = "/api/v1/namespaces/default/pods"
    for kind in ("Deployment", "ReplicaSet", "DaemonSet"):
        api.create(workload(kind))
    api.create(pod("waits"))
    placeless = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    api.merge(f"{pods}/waits/status", {"status": {"conditions": [placeless]}})
    api.create(pod("pulls", node="gpu-2"))
    waiting = {"waiting": {"reason": "ImagePullBackOff"}}
    told = {"name": "train", "state": waiting, "image": "", "imageID": "", "restartCount": 0}
    waits = [told | {"ready": False}]
    status = {"phase": "Pending", "containerStatuses": waits, "initContainerStatuses": waits}
    api.merge(f"{pods}/pulls/status", {"status": status})
    api.create(job("imagenet-loader-job"))
    failed = {"status": "True", "reason": "BackoffLimitExceeded"}
    conditions = [{"type": kind, **failed} for kind in ("FailureTarget", "Failed")]
    started = {"startTime": "2026-01-01T00:00:00Z", "failed": 1}
    path = "/apis/batch/v1/namespaces/default/jobs/imagenet-loader-job/status"
    api.merge(path, {"status": {"conditions": conditions, **started}})


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Prometheus]]:
    """What kube-state-metrics exposes, and a Prometheus that scrapes both programs."""
    folder = tmp_path_factory.mktemp("neighbours")
    with ExitStack() as stack:
        cluster = stack.enter_context(Cluster())
        break_things(cluster)
        state = stack.enter_context(_state(cluster, state_port := free_port()))
        probes = stack.enter_context(_probes(folder, probes_port := free_port()))
        client = Client(f"http://127.0.0.1:{state_port}")
        probed = Client(f"http://127.0.0.1:{probes_port}")
        state.await_ready(lambda: "kube_node_info{" in _page(client))
        probes.await_ready(lambda: probed.is_ok("/-/healthy"))
        with suppress(TimeoutError):  # each kind of object is read on its own; the tests say which
            wait_until(lambda: read() <= samples(_page(client)))
        asked = _configuration(state_port, probes_port, cluster.url)
        yield _page(client), stack.enter_context(Prometheus(asked))


def read() -> set[str]:
    """Return the names that alerts read of kube-state-metrics."""
    names = {metric.name for metric in by_program()["kube-state-metrics"]}
    return {
        name for name in names for alert in by_family()[NEIGHBOURS] if name in expression(alert)
    }


def samples(page: str) -> set[str]:
    return {sample.name for family in families(page) for sample in family.samples}


def _page(client: Client) -> str:
    return client.request("GET", "/metrics").text if client.is_ok("/metrics") else ""


def _state(cluster: Cluster, port: int) -> Process:
    program = ensure("kube-state-metrics")["kube-state-metrics"]
    return Process(
        [
            *(program, "--kubeconfig", cluster.kubeconfig),
            *("--host=127.0.0.1", f"--port={port}"),
            *("--telemetry-host=127.0.0.1", f"--telemetry-port={free_port()}"),
            "--resources=pods,nodes,jobs,daemonsets,deployments,replicasets",
            "--metric-labels-allowlist=pods=[*],nodes=[*]",
        ],
        name="kube-state-metrics",
    )


def _probes(folder: Path, port: int) -> Process:
    program = ensure("blackbox_exporter")["blackbox_exporter"]
    tls = {"insecure_skip_verify": True}
    module = {"prober": "tcp", "tcp": {"tls": True, "tls_config": tls}}
    path = folder / "blackbox.yaml"
    path.write_text(yaml.safe_dump({"modules": {"tls": module}}), encoding="utf-8")
    return Process(
        [program, f"--config.file={path}", f"--web.listen-address=127.0.0.1:{port}"],
        name="blackbox_exporter",
    )


def _configuration(state: int, probes: int, target: str) -> str:
    found = target.removeprefix("https://")
    blackbox = {
        "job_name": "blackbox",
        "metrics_path": "/probe",
        "params": {"module": ["tls"]},
        "static_configs": [{"targets": [found]}],
        "relabel_configs": [
            {"source_labels": ["__address__"], "target_label": "__param_target"},
            {"source_labels": ["__param_target"], "target_label": "instance"},
            {"target_label": "__address__", "replacement": f"127.0.0.1:{probes}"},
        ],
    }
    scraped = {
        "job_name": "kube-state-metrics",
        "honor_labels": True,
        "static_configs": [{"targets": [f"127.0.0.1:{state}"]}],
    }
    every = {"scrape_interval": "1s"}
    return yaml.safe_dump({"global": every, "scrape_configs": [scraped, blackbox]})


def said(prometheus: Prometheus, name: str) -> list[dict[str, str]]:
    """Return the labels of what an alert's expression finds, as soon as there is any."""
    [alert] = [each for each in by_family()[NEIGHBOURS] if each.name == name]
    asked = written(expression(alert))
    found = wait_until(lambda: prometheus.query(asked), what=name, every=0.5)
    return [each["metric"] for each in found]


def test_every_name_that_is_read_of_kube_state_metrics_exists(
    site: tuple[str, Prometheus],
) -> None:
    told = {family.name: family for family in families(site[0])}

    for metric in by_program()["kube-state-metrics"]:
        family = told[metric.name.removesuffix("_total")]
        labels = {label for sample in family.samples for label in sample.labels}
        if labels and metric.name not in UNLABELLED:
            assert set(metric.labels) <= labels, metric.name


def test_every_name_that_alerts_read_of_it_has_a_sample(site: tuple[str, Prometheus]) -> None:
    assert read()
    assert read() <= samples(site[0])


def test_the_real_kube_state_metrics_makes_the_alerts_speak(
    site: tuple[str, Prometheus],
) -> None:
    _, prometheus = site

    assert said(prometheus, "GpuPodsPending") == [{"namespace": "default"}]
    assert said(prometheus, "GpuAllocatableLow") == [{"node": "gpu-2"}]
    assert said(prometheus, "ImagePullFailing") == [{"namespace": "default"}]


def test_the_real_blackbox_exporter_tells_when_a_certificate_ends(
    site: tuple[str, Prometheus],
) -> None:
    """The testbed's certificates last for a week, the alert wants two."""
    [told] = said(site[1], "ProbedCertificateExpiring")

    assert told["instance"].startswith("127.0.0.1:")
