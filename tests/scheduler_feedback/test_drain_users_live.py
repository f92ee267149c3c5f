"""Who uses a GPU that is fenced off by itself, as a real kube-apiserver is told of it."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from catalog.wire import dump_devices
from testbed.servers import Cluster
from testbed.waiting import wait_until
from tests.scheduler_feedback import live
from tests.scheduler_feedback.live import Program, Site
from tests.scheduler_feedback.objects import fault

pytestmark = pytest.mark.cluster

FLAGS = ("--drain", "--no-gangs", "--drain.interval=200ms", live.LONG_LEASE)
DRIVER = "gpu.example.com"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster() as cluster:
        live.deploy_rbac(cluster)
        yield cluster


@pytest.fixture(scope="module")
def program(cluster: Cluster) -> Iterator[Program]:
    with live.program(cluster.kubeconfig_for(live.PROGRAM_USER), *FLAGS) as program:
        yield program


def running(cluster: Cluster, name: str, node: str, gpus: int = 0) -> str:
    """Put a pod on a node, whose owner would make it again; return its uid."""
    pod = live.bare_pod(name, "", gpus)
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "some", "uid": "1"}
    pod["metadata"]["ownerReferences"] = [{**owner, "controller": True}]
    pod["spec"]["nodeName"] = node
    del pod["spec"]["nodeSelector"]
    return str(cluster.api.create(pod)["metadata"]["uid"])


def fence(cluster: Cluster, node: str, gpu: str) -> None:
    told = dataclasses.replace(fault("drain", device=gpu, since="2099-01-01T00:00:00Z"), fence="x")
    notes = {"railwatch.io/devices": dump_devices([told])}
    cluster.api.merge(f"/api/v1/nodes/{node}", {"metadata": {"annotations": notes}})


def here(cluster: Cluster, *names: str) -> set[str]:
    found = {pod["metadata"]["name"] for pod in cluster.api.items("/api/v1/pods")}
    return found & {*names}


def publish(cluster: Cluster, node: str, *uuids: str) -> None:
    """Publish a node's GPUs as a DRA driver does."""
    devices = [
        {"name": f"gpu-{number}", "attributes": {"uuid": {"string": uuid}}}
        for number, uuid in enumerate(uuids)
    ]
    pool = {"name": node, "generation": 1, "resourceSliceCount": 1}
    spec = {"driver": DRIVER, "nodeName": node, "pool": pool, "devices": devices}
    cluster.api.create(
        {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "ResourceSlice",
            "metadata": {"name": node},
            "spec": spec,
        }
    )


def allocate(cluster: Cluster, node: str, device: str, pod: str, uid: str) -> None:
    """Give a pod a device by a claim, as kube-scheduler does."""
    request = {"name": "gpu", "exactly": {"deviceClassName": DRIVER}}
    made = cluster.api.create(
        {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "ResourceClaim",
            "metadata": {"name": pod, "namespace": "default"},
            "spec": {"devices": {"requests": [request]}},
        }
    )
    given = {"request": "gpu", "driver": DRIVER, "pool": node, "device": device}
    made["status"] = {
        "allocation": {"devices": {"results": [given]}},
        "reservedFor": [{"resource": "pods", "name": pod, "uid": uid}],
    }
    path = f"/apis/resource.k8s.io/v1/namespaces/default/resourceclaims/{pod}/status"
    cluster.api.merge(path, {"status": made["status"]})


def test_the_pod_whose_claim_has_the_gpu_is_moved(cluster: Cluster, program: Program) -> None:
    cluster.add_nodes(["claimed"])
    publish(cluster, "claimed", "GPU-7", "GPU-8")
    for number, name in enumerate(("claims-7", "claims-8")):
        uid = running(cluster, name, "claimed")
        allocate(cluster, "claimed", f"gpu-{number}", name, uid)
    running(cluster, "claims-nothing", "claimed")

    fence(cluster, "claimed", "GPU-8")

    left = {"claims-7", "claims-nothing"}
    wait_until(
        lambda: here(cluster, "claims-7", "claims-8", "claims-nothing") == left,
        what="just the pod with the faulty GPU is moved",
    )
    Site(cluster=cluster, program=program).await_drainer()
    assert here(cluster, *left) == left
    assert program.metric("railwatch_scheduler_evictions_total", result="evicted") == 1


def allocated(cluster: Cluster, pod: str, gpu: str) -> dict[str, Any]:
    """Tell what device a pod's container was given, as a kubelet does of a device plugin's."""
    told = {"name": "nvidia.com/gpu", "resources": [{"resourceID": gpu, "health": "Healthy"}]}
    container: dict[str, Any] = {
        "name": "rank",
        "image": "train:1",
        "imageID": "",
        "restartCount": 0,
    }
    container |= {"ready": True, "allocatedResourcesStatus": [told]}
    path = f"/api/v1/namespaces/default/pods/{pod}/status"
    return cluster.api.merge(path, {"status": {"containerStatuses": [container]}})


def test_the_pod_that_the_kubelet_gave_the_gpu_is_moved(cluster: Cluster, program: Program) -> None:
    cluster.add_nodes(["plugged"])
    for name, gpu in (("plugged-1", "GPU-1::0"), ("plugged-2", "GPU-2::0")):
        running(cluster, name, "plugged", gpus=1)
        stored = allocated(cluster, name, gpu)["status"]["containerStatuses"][0]
        assert stored["allocatedResourcesStatus"]

    fence(cluster, "plugged", "GPU-2")

    wait_until(
        lambda: here(cluster, "plugged-1", "plugged-2") == {"plugged-1"},
        what="just the pod with the faulty GPU is moved",
    )
    Site(cluster=cluster, program=program).await_drainer()
    assert here(cluster, "plugged-1")


def test_nobody_is_moved_where_neither_says_who_uses_the_gpu(
    cluster: Cluster, program: Program
) -> None:
    cluster.add_nodes(["silent"])
    running(cluster, "silent-1", "silent", gpus=1)

    fence(cluster, "silent", "GPU-3")

    unknown = {"state": "users_unknown"}
    wait_until(lambda: program.metric("railwatch_scheduler_drain_nodes", **unknown) == 1)
    Site(cluster=cluster, program=program).await_drainer()
    assert here(cluster, "silent-1")


def test_whoever_may_use_the_gpu_is_moved_where_that_is_asked_for() -> None:
    with Cluster() as other:
        live.deploy_rbac(other)
        other.add_nodes(["suspected"])
        running(other, "suspected-1", "suspected", gpus=1)
        running(other, "suspected-cpu", "suspected")
        flags = (*FLAGS, "--drain.suspected")
        with live.program(other.kubeconfig_for(live.PROGRAM_USER), *flags) as program:
            fence(other, "suspected", "GPU-4")

            wait_until(lambda: not here(other, "suspected-1"), what="it is moved")
            Site(cluster=other, program=program).await_drainer()
            assert here(other, "suspected-cpu")
