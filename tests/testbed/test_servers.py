"""The real servers: ready when they say so, the same after a restart, gone at the end."""

import math
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes
import pytest

from testbed.api import ApiError, Object
from testbed.http import Client
from testbed.ports import free_port
from testbed.processes import ProcessError
from testbed.servers import Alertmanager, Cluster, Etcd, Prometheus, Scheduler
from testbed.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.cluster

PODS = "/api/v1/namespaces/default/pods"

SCRAPING_ITSELF = """
global: {scrape_interval: 1s, evaluation_interval: 1s}
"""
RULES = """
groups:
  - name: test
    rules:
      - {record: "test:one", expr: vector(1)}
      - {alert: Firing, expr: vector(1), labels: {node: gpu-0}}
"""
ROUTES = """
route: {receiver: nobody}
receivers: [{name: nobody}]
"""
OWNER = """
import os, time
from testbed.servers import Cluster, Prometheus
with Prometheus("{}") as prometheus, Cluster() as cluster:
    servers = (prometheus, cluster.etcd, cluster.apiserver)
    print(*(f"{server.process.pid}:{server.directory}" for server in servers), flush=True)
    time.sleep(60)
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(kwok=True, controller_manager=True, scheduler=True) as started:
        started.add_nodes(["gpu-0", "gpu-1"], labels={"rack": "a"})
        yield started


def pod(name: str, **spec: Any) -> Object:
    container = {
        "name": "train",
        "image": "train",
        "resources": {"limits": {"nvidia.com/gpu": "1"}},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": [container], **spec},
    }


def phase(cluster: Cluster, name: str) -> str:
    found: str = cluster.api.get(f"{PODS}/{name}")["status"]["phase"]
    return found


def core_api(kubeconfig: Path) -> kubernetes.client.CoreV1Api:
    return kubernetes.client.CoreV1Api(
        kubernetes.config.new_client_from_config(config_file=str(kubeconfig))
    )


def test_nodes_are_ready_with_their_gpus_and_a_boot_id_each(cluster: Cluster) -> None:
    one, other = (cluster.node(name) for name in ("gpu-0", "gpu-1"))

    assert one["status"]["allocatable"]["nvidia.com/gpu"] == "8"
    assert one["metadata"]["labels"]["rack"] == "a"
    assert one["status"]["nodeInfo"]["bootID"] != other["status"]["nodeInfo"]["bootID"]
    assert one["spec"].get("taints", []) == []


def test_a_reboot_changes_the_boot_id_and_nothing_else(cluster: Cluster) -> None:
    ours = {"type": "GpuUnavailable", "status": "True", "reason": "GpuFellOffBus"}
    cluster.api.merge_by_key("/api/v1/nodes/gpu-1/status", {"status": {"conditions": [ours]}})

    cluster.set_boot_id("gpu-1", "second-boot")

    status = cluster.node("gpu-1")["status"]
    assert status["nodeInfo"]["bootID"] == "second-boot"
    assert {"GpuUnavailable", "Ready"} <= {each["type"] for each in status["conditions"]}


def test_a_users_kubeconfig_lets_them_do_only_what_rbac_grants(cluster: Cluster) -> None:
    api = core_api(cluster.kubeconfig_for("reader"))
    with pytest.raises(kubernetes.client.ApiException) as refused:
        api.list_node()
    assert refused.value.status == 403
    assert 'User \\"reader\\" cannot list' in refused.value.body

    grant(cluster, "reader", {"kind": "User", "name": "reader"})

    wait_until(lambda: may_list_nodes(api), what="RBAC has heard of the grant")
    with pytest.raises(kubernetes.client.ApiException):
        api.list_namespaced_secret("default")


@pytest.mark.parametrize(
    ("user", "groups", "subject"),
    [
        ("ops-1", ("ops", "night-shift"), {"kind": "Group", "name": "night-shift"}),
        (
            "system:serviceaccount:railwatch:bridge",
            (),
            {"kind": "ServiceAccount", "name": "bridge", "namespace": "railwatch"},
        ),
    ],
)
def test_groups_and_service_accounts_are_users_too(
    cluster: Cluster, user: str, groups: tuple[str, ...], subject: dict[str, str]
) -> None:
    grant(cluster, subject["name"], subject)

    api = core_api(cluster.kubeconfig_for(user, groups))

    wait_until(lambda: may_list_nodes(api), what="RBAC has heard of the grant")


def grant(cluster: Cluster, name: str, subject: dict[str, str]) -> None:
    """Let a subject list nodes."""
    rbac = "rbac.authorization.k8s.io"
    role = {"apiGroup": rbac, "kind": "ClusterRole", "name": name}
    group = {"apiGroup": rbac} if subject["kind"] != "ServiceAccount" else {}
    cluster.apply(
        [
            {
                "apiVersion": f"{rbac}/v1",
                "kind": "ClusterRole",
                "metadata": {"name": name},
                "rules": [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]}],
            },
            {
                "apiVersion": f"{rbac}/v1",
                "kind": "ClusterRoleBinding",
                "metadata": {"name": name},
                "roleRef": role,
                "subjects": [{**group, **subject}],
            },
        ]
    )


def may_list_nodes(api: kubernetes.client.CoreV1Api) -> bool:
    try:
        return bool(api.list_node().items)
    except kubernetes.client.ApiException:
        return False


def test_the_api_is_trusted_by_its_own_authority_alone(cluster: Cluster) -> None:
    theirs = ssl.create_default_context(cafile=cluster.ca_file)
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=theirs)
    )
    with opener.open(f"{cluster.url}/readyz", timeout=PATIENCE) as answer:
        assert answer.read() == b"ok"

    strangers = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        strangers.open(f"{cluster.url}/readyz", timeout=PATIENCE)


def test_a_pod_runs_where_the_scheduler_put_it_and_goes_on_running(cluster: Cluster) -> None:
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "train"},
        "spec": {"template": {"spec": {**pod("")["spec"], "restartPolicy": "Never"}}},
    }
    cluster.apply([job])
    path = f"{PODS}?labelSelector=job-name%3Dtrain"

    def running() -> list[Object]:
        return [p for p in cluster.api.items(path) if p["status"]["phase"] == "Running"]

    first = wait_until(running, what="the job's pod runs")
    time.sleep(1)  # long enough for a stage that completed it
    assert [p["metadata"]["uid"] for p in running()] == [first[0]["metadata"]["uid"]]
    assert first[0]["spec"]["nodeName"] in ("gpu-0", "gpu-1")


def test_a_deleted_pod_is_gone_at_once(cluster: Cluster) -> None:
    cluster.apply([pod("short", nodeName="gpu-0")])
    wait_until(lambda: phase(cluster, "short") == "Running", what="the pod runs")

    cluster.api.delete(f"{PODS}/short")

    def is_gone() -> bool:
        try:
            return not cluster.api.get(f"{PODS}/short")
        except ApiError as error:
            return error.status == 404

    wait_until(is_gone, what="the pod is gone")
    cluster.api.delete(f"{PODS}/short")


def test_the_controllers_move_pods_away_from_a_no_execute_taint(cluster: Cluster) -> None:
    cluster.add_nodes(["doomed"])
    cluster.apply([pod("leaving", nodeName="doomed")])
    wait_until(lambda: phase(cluster, "leaving") == "Running", what="the pod runs")

    taint = {"key": "test", "value": "x", "effect": "NoExecute"}
    cluster.api.merge("/api/v1/nodes/doomed", {"spec": {"taints": [taint]}})

    def names() -> set[str]:
        return {each["metadata"]["name"] for each in cluster.api.items(PODS)}

    wait_until(lambda: "leaving" not in names(), what="the taint manager evicted the pod")


def test_a_second_scheduler_takes_its_configuration_and_its_own_pods(
    cluster: Cluster, tmp_path: Path
) -> None:
    config = tmp_path / "scheduler.yaml"
    config.write_text("profiles: [{schedulerName: railwatch-scheduler}]\n")
    cluster.apply([pod("ours", schedulerName="railwatch-scheduler")])

    with Scheduler(cluster.apiserver, config=config):
        wait_until(lambda: phase(cluster, "ours") == "Running", what="our scheduler placed it")


def test_a_kind_can_be_applied_together_with_its_definition(
    cluster: Cluster, tmp_path: Path
) -> None:
    definition = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: rails.example.test}
spec:
  group: example.test
  scope: Namespaced
  names: {kind: Rail, plural: rails, singular: rail, listKind: RailList}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties: {spec: {type: object, properties: {count: {type: integer}}}}
"""
    rail = "{apiVersion: example.test/v1, kind: Rail, metadata: {name: one}, spec: {count: %s}}\n"
    (tmp_path / "1-definition.yaml").write_text(definition)
    (tmp_path / "2-rail.yaml").write_text(f"---\n{rail % 8}---\n")
    (tmp_path / "kustomization.yaml").write_text("resources: [1-definition.yaml]\n")

    _, made = cluster.apply(tmp_path)

    assert made["spec"]["count"] == 8
    (tmp_path / "2-rail.yaml").write_text(rail % "many")
    with pytest.raises(ApiError, match=r"spec\.count: expected numeric"):
        cluster.apply(tmp_path / "2-rail.yaml")


def test_the_api_server_comes_back_on_its_port_with_its_objects(cluster: Cluster) -> None:
    url, boot_id = cluster.url, cluster.node("gpu-0")["status"]["nodeInfo"]["bootID"]

    cluster.apiserver.stop()
    with pytest.raises(ConnectionError):
        cluster.node("gpu-0")
    cluster.apiserver.start()

    assert cluster.url == url
    assert cluster.node("gpu-0")["status"]["nodeInfo"]["bootID"] == boot_id


def test_nodes_are_usable_without_kubelets_and_controllers() -> None:
    with Cluster() as bare:
        bare.add_nodes(["gpu-0"], gpus=4)

        node = bare.node("gpu-0")

    assert node["status"]["allocatable"]["nvidia.com/gpu"] == "4"
    assert node["spec"].get("taints", []) == []


def test_prometheus_keeps_port_data_and_rules_over_a_restart(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES)

    with Prometheus(SCRAPING_ITSELF, rules=[rules]) as prometheus:
        wait_until(lambda: prometheus.query("test:one"), what="the rule was evaluated")
        url, before = prometheus.url, time.time()
        prometheus.stop()
        assert not Client(url).is_ok("/-/ready")
        prometheus.start()

        assert prometheus.url == url
        assert prometheus.query("test:one", at=before)[0]["value"][1] == "1"


def test_prometheus_answers_queries_or_says_what_is_wrong_with_them() -> None:
    with Prometheus(SCRAPING_ITSELF) as prometheus:
        assert prometheus.query('label_replace(vector(7), "node", "a", "", "")') == [
            {"metric": {"node": "a"}, "value": [pytest.approx(time.time(), abs=600), "7"]}
        ]
        assert prometheus.value("scalar(vector(3))") == 3
        assert math.isnan(prometheus.value("nothing_of_this_name"))
        with pytest.raises(ValueError, match="parse error"):
            prometheus.query("sum(")


def test_prometheus_reads_a_file_with_paths_relative_to_it(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "one.yaml").write_text(RULES)
    config = tmp_path / "prometheus.yaml"
    config.write_text(SCRAPING_ITSELF + "rule_files: [rules/*.yaml]\n")

    with Prometheus(config) as prometheus:
        groups = prometheus.get("/api/v1/rules")["groups"]
        config.write_text(SCRAPING_ITSELF)
        prometheus.reload()

        assert [group["name"] for group in groups] == ["test"]
        assert prometheus.get("/api/v1/rules")["groups"] == []


def test_prometheus_goes_on_with_the_old_configuration_where_the_new_one_is_bad() -> None:
    with Prometheus(SCRAPING_ITSELF) as prometheus:
        with pytest.raises(ValueError, match="field nonsense not found"):
            prometheus.reload("nonsense: 1")

        assert prometheus.value("vector(1)") == 1


def test_a_paused_server_answers_nobody_until_it_is_resumed() -> None:
    with Prometheus(SCRAPING_ITSELF) as prometheus:
        prometheus.pause()
        with socket.create_connection(("127.0.0.1", prometheus.port), timeout=0.5) as line:
            line.sendall(b"GET /-/ready HTTP/1.0\r\n\r\n")
            with pytest.raises(TimeoutError):
                line.recv(1)
        prometheus.resume()

        assert prometheus.value("vector(1)") == 1


def test_alertmanager_gets_prometheus_alerts_and_keeps_silences_over_a_restart(
    tmp_path: Path,
) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES)
    with Alertmanager(ROUTES) as alertmanager:
        target = f"[{{static_configs: [{{targets: ['127.0.0.1:{alertmanager.port}']}}]}}]"
        alerting = f"alerting: {{alertmanagers: {target}}}\n"
        # What fires before the Alertmanager is known is sent again only after this delay.
        again = ("--rules.alert.resend-delay=1s",)
        with Prometheus(SCRAPING_ITSELF + alerting, rules=[rules], flags=again):
            got = wait_until(alertmanager.alerts, what="the alert arrived")
        assert got[0]["labels"] == {"alertname": "Firing", "node": "gpu-0"}
        silence(alertmanager)

        alertmanager.stop()
        alertmanager.start()

        silences = Client(alertmanager.url).request("GET", "/api/v2/silences").json()
        assert [each["comment"] for each in silences] == ["repair"]


def silence(alertmanager: Alertmanager) -> None:
    body = """{"matchers": [{"name": "node", "value": "gpu-0", "isRegex": false}],
        "startsAt": "2020-01-01T00:00:00Z", "endsAt": "2100-01-01T00:00:00Z",
        "createdBy": "test", "comment": "repair"}"""
    answer = Client(alertmanager.url).request(
        "POST", "/api/v2/silences", body=body, content_type="application/json"
    )
    assert answer.status == 200


def test_a_server_that_cannot_start_shows_why() -> None:
    with pytest.raises(ProcessError) as failed, Prometheus("nonsense: 1"):
        pytest.fail("it started")

    assert "prometheus ended with exit code 2 before it was ready" in str(failed.value)
    assert "field nonsense not found" in str(failed.value)


def test_a_port_that_another_took_meanwhile_is_exchanged_for_a_free_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        offered = iter([taken])
        monkeypatch.setattr(
            "testbed.servers.server.free_port", lambda: next(offered, None) or free_port()
        )

        with Prometheus(SCRAPING_ITSELF) as prometheus:
            assert prometheus.port != taken
            assert prometheus.value("vector(1)") == 1


def test_logs_stay_where_they_are_asked_for(tmp_path: Path) -> None:
    with Etcd(logs=tmp_path / "logs") as etcd:
        directory = etcd.directory

    assert not directory.exists()
    assert [path.name for path in (tmp_path / "logs").iterdir()] == ["etcd.log"]


def test_no_server_and_no_directory_outlives_an_owner_that_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        servers = dict(each.split(":") for each in owner.stdout.readline().split())
        assert len(servers) == 3
        owner.send_signal(signal.SIGKILL)

    wait_until(lambda: not any(is_alive(pid) for pid in servers), what="all are gone")
    with Etcd():
        assert not any(Path(directory).exists() for directory in servers.values())


def is_alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the latter: it went while we read
        return False
