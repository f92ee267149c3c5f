"""Queues on a real kube-apiserver, kube-scheduler and controller-manager."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from testbed.api import ApiError
from testbed.servers import Cluster
from testbed.waiting import wait_until
from tests.scheduler_feedback import live
from tests.scheduler_feedback.live import Program

pytestmark = pytest.mark.cluster

GPU = "nvidia.com/gpu"
CRDS = Path(__file__).parents[2] / "fixtures" / "queues"
FLAGS = (
    "--gangs.interval=200ms",
    "--lease.duration=3s",
    "--queues.reclaim",
    "--queues.interval=1s",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A cluster with queues, and the file that declares them."""

    cluster: Cluster
    program: Program
    file: Path
    kubeconfig: Path

    def declare(self, **queues: dict[str, int]) -> None:
        """Declare queues of one namespace each, and make those namespaces and nobody else's."""
        declared = {name: {"resources": {GPU: quota}} for name, quota in queues.items()}
        self.file.write_text(yaml.safe_dump({"queues": declared}), encoding="utf-8")
        for name in queues:
            self.cluster.apply(
                [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}]
            )

    def metric(self, name: str, **labels: str) -> float | None:
        return self.program.metric(f"railwatch_scheduler_{name}", **labels)

    def await_metric(self, name: str, value: float, **labels: str) -> None:
        wait_until(
            lambda: self.metric(name, **labels) == value,
            within=20,
            what=f"{name} {labels} is {value}, is {self.metric(name, **labels)}",
        )

    def explain(self, pod: str, *flags: str) -> str:
        ended = live.run("explain", pod, f"--kubeconfig={self.kubeconfig}", *flags)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def pods(self, namespace: str, app: str) -> list[dict[str, Any]]:
        path = f"/api/v1/namespaces/{namespace}/pods?labelSelector=app%3D{app}"
        return self.cluster.api.items(path)

    def await_bound(self, namespace: str, app: str, count: int) -> None:
        def bound() -> int:
            return sum(1 for pod in self.pods(namespace, app) if pod["spec"].get("nodeName"))

        wait_until(lambda: bound() == count, within=30, what=f"{count} of {app} bound: {bound()}")

    def events(self, namespace: str, reason: str) -> list[str]:
        found = self.cluster.api.items(f"/api/v1/namespaces/{namespace}/events")
        return [event["message"] for event in found if event["reason"] == reason]

    def await_event(self, namespace: str, reason: str, words: str) -> None:
        wait_until(
            lambda: any(words in said for said in self.events(namespace, reason)),
            within=20,
            what=f"{reason}: {words}; said: {self.events(namespace, reason)}",
        )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    file = tmp_path_factory.mktemp("queues") / "queues.yaml"
    file.write_text("queues: {}", encoding="utf-8")
    with Cluster(kwok=True, controller_manager=True) as cluster:
        live.deploy_rbac(cluster)
        cluster.apply(CRDS / "kueue.yaml")
        kubeconfig = cluster.kubeconfig_for(live.PROGRAM_USER)
        wait_until(lambda: _served(cluster), within=20, what="Kueue's kinds are served")
        with (
            live.program(kubeconfig, *FLAGS, f"--queues.file={file}") as program,
            live.kube_scheduler(cluster, program.port),
        ):
            yield Site(cluster=cluster, program=program, file=file, kubeconfig=kubeconfig)


def _served(cluster: Cluster) -> bool:
    try:
        cluster.api.get("/apis/kueue.x-k8s.io/v1beta2/clusterqueues")
    except ApiError:
        return False
    return True


def gang(namespace: str, name: str, pool: str, ranks: int = 1, **more: Any) -> dict[str, Any]:
    """A StatefulSet whose pods, of a whole node each, are a gang."""
    pod = live.template(pool, {"app": name, "railwatch.io/gang": name} | more.pop("labels", {}))
    pod["metadata"]["annotations"] = {"railwatch.io/gang-size": str(ranks)}
    pod["spec"] |= {"schedulingGates": [{"name": "railwatch.io/gang"}]} | more
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": ranks,
            "podManagementPolicy": "Parallel",
            "serviceName": name,
            "selector": {"matchLabels": {"app": name}},
            "template": pod,
        },
    }


def add_nodes(site: Site, pool: str, count: int) -> None:
    for number in range(count):
        name = f"{pool}-{number}"
        site.cluster.add_nodes([name], labels={"pool": pool, "kubernetes.io/hostname": name})


def test_a_gang_beyond_its_queues_limit_waits_until_the_limit_is_raised(site: Site) -> None:
    add_nodes(site, "limits", 3)
    site.declare(limits={"guaranteed": 16, "limit": 16})
    site.cluster.api.create(gang("limits", "first", "limits", 2))
    site.await_bound("limits", "first", 2)

    site.cluster.api.create(gang("limits", "second", "limits"))

    site.await_event("limits", "GangWaiting", "its limit is 16")
    told = {"kind": "railwatch", "queue": "limits"}
    site.await_metric("queue_gangs_waiting", 1, **told, reason="queue_limit")
    site.await_metric("queue_used", 16, **told, resource=GPU)
    pod = site.pods("limits", "second")[0]["metadata"]["name"]
    told_of = site.explain(f"limits/{pod}", f"--queues.file={site.file}")
    assert "queue_limit: queue limits: uses 16" in told_of
    site.await_metric("queue_limit", 16, **told, resource=GPU)
    site.file.write_text("queues: {limits: {resource: {}}}", encoding="utf-8")
    site.await_metric("queues_file_good", 0)
    site.await_metric("queue_limit", 16, **told, resource=GPU)
    site.declare(limits={"guaranteed": 24, "limit": 24})
    site.await_bound("limits", "second", 1)
    site.await_metric("queues_file_good", 1)


def test_a_pod_of_no_gang_is_given_the_gate_and_held_by_its_queue_too(site: Site) -> None:
    add_nodes(site, "single", 2)
    site.declare(single={"guaranteed": 8, "limit": 8})
    site.cluster.apply(live.DEPLOY / "scheduler" / "admission-queues.yaml")
    pods = {name: live.bare_pod(name, "single") for name in ("probe", "one", "two", "group")}
    for pod in pods.values():
        pod["metadata"]["namespace"] = "single"
    wait_until(lambda: _gated(site, pods["probe"]), within=20, what="the policy is in force")
    pods["group"]["spec"]["schedulingGroup"] = {"podGroupName": "of-upstream"}
    assert not _gated(site, pods["group"])

    for name in ("one", "two"):
        site.cluster.api.create(pods[name])

    site.await_bound("single", "one", 1)
    site.await_event("single", "GangWaiting", "queue_limit: queue single: uses 8 nvidia.com/gpu")
    site.await_bound("single", "two", 0)


def _gated(site: Site, pod: dict[str, Any]) -> bool:
    """Whether a pod gets the gate as it is created; it is taken away again."""
    path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"
    try:
        made = site.cluster.api.create(pod)
    except ApiError:
        return False
    site.cluster.api.delete(f"{path}?gracePeriodSeconds=0")
    return bool(made["spec"].get("schedulingGates"))


def test_what_was_borrowed_is_given_back_to_a_gang_within_its_guarantee(site: Site) -> None:
    add_nodes(site, "reclaim", 2)
    site.declare(owner={"guaranteed": 16}, borrower={"guaranteed": 0})
    site.cluster.api.create(gang("borrower", "old", "reclaim"))
    site.await_bound("borrower", "old", 1)
    wait_until(lambda: _later_than(site, "borrower", "old"), within=10, what="a second to pass")
    site.cluster.api.create(gang("borrower", "new", "reclaim"))
    site.await_bound("borrower", "new", 1)
    told = {"kind": "railwatch", "queue": "borrower", "resource": GPU}
    site.await_metric("queue_borrowed", 16, **told)
    kept = site.pods("borrower", "old")[0]["metadata"]["uid"]

    site.cluster.api.create(gang("owner", "train", "reclaim"))

    site.await_bound("owner", "train", 1)
    assert [pod["metadata"]["uid"] for pod in site.pods("borrower", "old")] == [kept]
    site.await_event("borrower", "Reclaimed", "go back to owner/train")
    site.await_event("borrower", "GangWaiting", "queue borrower: uses 8")
    site.await_bound("borrower", "new", 0)
    site.await_metric("queue_reclaims_total", 1, result="evicted")


def _later_than(site: Site, namespace: str, app: str) -> bool:
    """Whether a pod made now gets another time of creation than this one's."""
    made = site.pods(namespace, app)[0]["metadata"]["creationTimestamp"]
    lease = site.cluster.api.get(
        "/apis/coordination.k8s.io/v1/namespaces/railwatch/leases/railwatch-scheduler"
    )
    return str(lease["spec"]["renewTime"])[:19] > str(made)[:19]


def test_a_budget_that_forbids_it_is_held_and_another_gang_gives_back(site: Site) -> None:
    add_nodes(site, "budget", 2)
    site.declare(holder={"guaranteed": 16}, tenant={"guaranteed": 0})
    site.cluster.api.create(gang("tenant", "free", "budget"))
    site.await_bound("tenant", "free", 1)
    budget = live.disruption_budget("guarded", unavailable=0)
    budget["metadata"]["namespace"] = "tenant"
    site.cluster.api.create(budget)
    wait_until(lambda: _later_than(site, "tenant", "free"), within=10, what="a second to pass")
    site.cluster.api.create(gang("tenant", "guarded", "budget"))
    site.await_bound("tenant", "guarded", 1)
    uid = site.pods("tenant", "guarded")[0]["metadata"]["uid"]

    site.cluster.api.create(gang("holder", "train", "budget"))

    site.await_bound("holder", "train", 1)
    site.await_event("tenant", "ReclaimBlocked", "PodDisruptionBudget tenant/guarded")
    assert [pod["metadata"]["uid"] for pod in site.pods("tenant", "guarded")] == [uid]
    site.await_bound("tenant", "free", 0)


def test_kueues_own_queues_are_told_and_its_pods_left_to_it(site: Site) -> None:
    add_nodes(site, "kueue", 1)
    site.declare(kueue={"guaranteed": 0, "limit": 0})
    quota = {"name": GPU, "nominalQuota": "16", "borrowingLimit": "8"}
    group = {"coveredResources": [GPU], "flavors": [{"name": "h100", "resources": [quota]}]}
    site.cluster.apply(
        [
            {
                "apiVersion": "kueue.x-k8s.io/v1beta2",
                "kind": "ClusterQueue",
                "metadata": {"name": "research"},
                "spec": {"cohortName": "all", "resourceGroups": [group]},
            }
        ]
    )
    usage = {"name": GPU, "total": "20", "borrowed": "4"}
    site.cluster.api.merge(
        "/apis/kueue.x-k8s.io/v1beta2/clusterqueues/research/status",
        {
            "status": {
                "pendingWorkloads": 3,
                "flavorsUsage": [{"name": "h100", "resources": [usage]}],
            }
        },
    )
    kueue = {"name": "kueue.x-k8s.io/admission"}
    made = gang(
        "kueue",
        "queued",
        "kueue",
        labels={"kueue.x-k8s.io/queue-name": "main"},
        schedulingGates=[{"name": "railwatch.io/gang"}, kueue],
    )
    site.cluster.api.create(made)

    told = {"kind": "kueue_cluster", "queue": "research"}
    site.await_metric("queue_gangs_waiting", 3, **told, reason="admission")
    amounts = {"guaranteed": 16, "limit": 24, "borrowable": 16, "used": 20, "borrowed": 4}
    for name, amount in amounts.items():
        site.await_metric(f"queue_{name}", amount, **told, resource=GPU)
    site.await_event("kueue", "GangWaiting", "foreign_gate: waits for kueue.x-k8s.io/admission")
    found = site.pods("kueue", "queued")[0]["metadata"]
    pod = found["name"]
    assert "Workload queued-1: no quota left" in _explain_workload(site, pod, found["uid"])
    site.cluster.api.merge(
        f"/api/v1/namespaces/kueue/pods/{pod}",
        {"spec": {"schedulingGates": [{"name": "railwatch.io/gang"}]}},
    )
    site.await_bound("kueue", "queued", 1)
    own = {"kind": "railwatch", "queue": "kueue", "resource": GPU}
    site.await_metric("queue_used", 0, **own)


def _explain_workload(site: Site, pod: str, uid: str) -> str:
    """Let Kueue say that a pod's Workload waits; return what `explain` says of the pod."""
    owner = {"apiVersion": "v1", "kind": "Pod", "name": pod, "uid": uid}
    waits = {"type": "QuotaReserved", "status": "False", "message": "no quota left"}
    workload = {
        "apiVersion": "kueue.x-k8s.io/v1beta2",
        "kind": "Workload",
        "metadata": {"name": "queued-1", "namespace": "kueue", "ownerReferences": [owner]},
    }
    site.cluster.apply([workload])
    path = "/apis/kueue.x-k8s.io/v1beta2/namespaces/kueue/workloads/queued-1/status"
    site.cluster.api.merge(path, {"status": {"conditions": [waits]}})
    return site.explain(f"kueue/{pod}")


@pytest.mark.parametrize("pinned_by", ["kueue", "upstream"])
def test_a_pod_whose_node_another_engine_chooses_is_let_through_unpinned(
    site: Site, pinned_by: str
) -> None:
    here = f"by-{pinned_by}"
    add_nodes(site, here, 2)
    site.declare(**{here: {"guaranteed": 16}})
    made = live.bare_pod("elsewhere", here)
    made["metadata"] |= {"namespace": here}
    made["metadata"]["labels"]["railwatch.io/gang"] = "elsewhere"
    made["spec"]["schedulingGates"] = [{"name": "railwatch.io/gang"}]
    if pinned_by == "upstream":
        made["spec"]["schedulingGroup"] = {"podGroupName": "group"}
    else:
        made["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] = "main"
        made["spec"]["nodeSelector"]["kubernetes.io/hostname"] = "by-kueue-1"

    site.cluster.api.create(made)

    def found() -> dict[str, Any]:
        path = f"/api/v1/namespaces/{here}/pods/elsewhere"
        return site.cluster.api.get(path)

    wait_until(
        lambda: not found()["spec"].get("schedulingGates"), within=20, what="its gate is open"
    )
    assert "railwatch.io/gang-placed" not in found()["metadata"].get("annotations", {})
    assert found()["spec"]["nodeSelector"] == made["spec"]["nodeSelector"]
    site.await_event(here, "GangHandedOver", f"{pinned_by} chooses its node")
