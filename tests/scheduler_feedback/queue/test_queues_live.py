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
    live.LONG_LEASE,
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
        """Declare queues of one namespace each, and make those namespaces and nobody else's.

        Returns once the declaration is in force, as nobody's queue limits nobody.
        """
        declared = {name: {"resources": {GPU: quota}} for name, quota in queues.items()}
        self.file.write_text(yaml.safe_dump({"queues": declared}), encoding="utf-8")
        for name in queues:
            self.cluster.apply(
                [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}]
            )
        for name, quota in queues.items():
            told = {"kind": "railwatch", "queue": name, "resource": GPU}
            self.await_metric("queue_guaranteed", quota["guaranteed"], **told)

    def metric(self, name: str, **labels: str) -> float | None:
        return self.program.metric(f"railwatch_scheduler_{name}", **labels)

    def await_metric(self, name: str, value: float, **labels: str) -> None:
        wait_until(
            lambda: self.metric(name, **labels) == value,
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

        wait_until(lambda: bound() == count, what=f"{count} of {app} bound: {bound()}")

    def events(self, namespace: str, reason: str) -> list[str]:
        found = self.cluster.api.items(f"/api/v1/namespaces/{namespace}/events")
        return [event["message"] for event in found if event["reason"] == reason]

    def await_event(self, namespace: str, reason: str, words: str) -> None:
        wait_until(
            lambda: any(words in said for said in self.events(namespace, reason)),
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
        kinds = ("clusterqueues", "localqueues", "workloads")
        live.await_served(cluster, *(f"/apis/kueue.x-k8s.io/v1beta2/{kind}" for kind in kinds))
        with (
            live.program(kubeconfig, *FLAGS, f"--queues.file={file}") as program,
            live.kube_scheduler(cluster, program.port),
        ):
            yield Site(cluster=cluster, program=program, file=file, kubeconfig=kubeconfig)


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
    wait_until(lambda: _gated(site, pods["probe"]), what="the policy is in force")
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
    wait_until(lambda: _later_than(site, "borrower", "old"), what="a second to pass")
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


def job_gang(namespace: str, name: str, pool: str, ranks: int, **notes: str) -> dict[str, Any]:
    """A Job whose pods are a gang, and which an eviction of them all would end."""
    template = gang(namespace, name, pool, ranks, restartPolicy="Never")["spec"]["template"]
    template["metadata"]["annotations"] |= notes
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "completions": ranks,
            "parallelism": ranks,
            "completionMode": "Indexed",
            "backoffLimit": 0,
            "template": template,
        },
    }


def test_a_job_saves_its_state_is_suspended_and_waits_for_its_turn_again(site: Site) -> None:
    add_nodes(site, "gentle", 2)
    site.declare(entitled={"guaranteed": 16}, guest={"guaranteed": 0})
    patience = {"railwatch.io/checkpoint-deadline": "10m"}
    site.cluster.api.create(job_gang("guest", "work", "gentle", 2, **patience))
    site.await_bound("guest", "work", 2)
    before = {pod["metadata"]["uid"] for pod in site.pods("guest", "work")}

    site.cluster.api.create(gang("entitled", "train", "gentle", 2))
    wait_until(lambda: len(_asked(site)) == 2, what="both ranks are asked")
    assert {pod["metadata"]["uid"] for pod in site.pods("guest", "work")} == before
    for name, asked in _asked(site).items():
        saved = {"metadata": {"annotations": {"railwatch.io/checkpointed": asked}}}
        site.cluster.api.merge(f"/api/v1/namespaces/guest/pods/{name}", saved)

    site.await_bound("entitled", "train", 2)
    site.await_event("guest", "Reclaimed", "Job work suspended")
    wait_until(lambda: _gated_anew(site, before), what="new ranks wait at the gate")
    job = site.cluster.api.get("/apis/batch/v1/namespaces/guest/jobs/work")
    assert "railwatch.io/drain-suspended" not in job["metadata"].get("labels", {})
    assert not job["status"].get("failed")
    site.await_event("guest", "GangWaiting", "queue guest: uses 0")


def _asked(site: Site) -> dict[str, str]:
    """Return when each rank was asked to save its state."""
    notes = {
        pod["metadata"]["name"]: pod["metadata"].get("annotations", {})
        for pod in site.pods("guest", "work")
    }
    return {
        name: found["railwatch.io/drain-requested"]
        for name, found in notes.items()
        if found.get("railwatch.io/gives-way-to") == "entitled/train"
    }


def _gated_anew(site: Site, before: set[str]) -> bool:
    """Whether both ranks are there again, at the gate."""
    now = [pod for pod in site.pods("guest", "work") if pod["metadata"]["uid"] not in before]
    return len(now) == 2 and all(pod["spec"].get("schedulingGates") for pod in now)


def _later_than(site: Site, namespace: str, app: str) -> bool:
    """Whether a pod made now gets another time of creation than this one's."""
    made = site.pods(namespace, app)[0]["metadata"]["creationTimestamp"]
    path = f"/api/v1/namespaces/{namespace}/configmaps?dryRun=All"
    now = site.cluster.api.post(path, {"metadata": {"name": "now"}})["metadata"]
    return str(now["creationTimestamp"]) > str(made)


def test_a_budget_that_forbids_it_is_held_and_another_gang_gives_back(site: Site) -> None:
    add_nodes(site, "budget", 2)
    site.declare(holder={"guaranteed": 16}, tenant={"guaranteed": 0})
    site.cluster.api.create(gang("tenant", "free", "budget"))
    site.await_bound("tenant", "free", 1)
    budget = live.disruption_budget("guarded", unavailable=0)
    budget["metadata"]["namespace"] = "tenant"
    site.cluster.api.create(budget)
    path = "/apis/policy/v1/namespaces/tenant/poddisruptionbudgets/guarded"
    wait_until(lambda: site.cluster.api.get(path).get("status", {}).get("observedGeneration"))
    wait_until(lambda: _later_than(site, "tenant", "free"), what="a second to pass")
    site.cluster.api.create(gang("tenant", "guarded", "budget"))
    site.await_bound("tenant", "guarded", 1)
    uid = site.pods("tenant", "guarded")[0]["metadata"]["uid"]

    site.cluster.api.create(gang("holder", "train", "budget"))

    site.await_bound("holder", "train", 1)
    site.await_event("tenant", "ReclaimBlocked", "PodDisruptionBudget tenant/guarded")
    assert [pod["metadata"]["uid"] for pod in site.pods("tenant", "guarded")] == [uid]
    site.await_bound("tenant", "free", 0)


def test_devices_of_resource_claims_count_for_their_namespaces_queue(site: Site) -> None:
    add_nodes(site, "claims", 2)
    site.declare(claims={"guaranteed": 16, "limit": 16})
    request = {"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com", "count": 9}}
    made = {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaim",
        "metadata": {"name": "nine", "namespace": "claims"},
        "spec": {"devices": {"requests": [request]}},
    }
    path = "/apis/resource.k8s.io/v1/namespaces/claims/resourceclaims/nine"
    site.cluster.api.create(made)
    told = {"kind": "railwatch", "queue": "claims", "resource": GPU}
    site.await_metric("queue_used", 0, **told)

    allocated = {"request": "gpu", "driver": "gpu.nvidia.com", "pool": "a"}
    results = [{**allocated, "device": f"gpu-{number}"} for number in range(9)]
    status = {"status": {"allocation": {"devices": {"results": results}}}}
    site.cluster.api.merge(f"{path}/status", status)

    site.await_metric("queue_used", 9, **told)
    site.cluster.api.create(gang("claims", "train", "claims"))
    site.await_event("claims", "GangWaiting", "uses 9 nvidia.com/gpu, the gang asks for 8")
    name = site.pods("claims", "train")[0]["metadata"]["name"]
    assert "uses 9" in site.explain(f"claims/{name}", f"--queues.file={site.file}")
    site.cluster.api.delete(path)
    site.await_bound("claims", "train", 1)


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

    wait_until(lambda: not found()["spec"].get("schedulingGates"), what="its gate is open")
    assert "railwatch.io/gang-placed" not in found()["metadata"].get("annotations", {})
    assert found()["spec"]["nodeSelector"] == made["spec"]["nodeSelector"]
    site.await_event(here, "GangHandedOver", f"{pinned_by} chooses its node")
