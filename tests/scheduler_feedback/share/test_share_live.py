"""Pods that share GPUs on a real cluster: the stock kube-scheduler asks, the extender binds."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from scheduler_feedback.share.assignment import Part, parse_assignment
from testbed.servers import Cluster
from testbed.waiting import wait_until
from tests.scheduler_feedback import live
from tests.scheduler_feedback.live import Program

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(kwok=True, controller_manager=True) as cluster:
        live.deploy_rbac(cluster)
        yield cluster


@pytest.fixture(scope="module")
def program(cluster: Cluster) -> Iterator[Program]:
    kubeconfig = cluster.kubeconfig_for(live.PROGRAM_USER)
    with (
        live.program(kubeconfig, "--share", "--no-gangs") as program,
        live.kube_scheduler(cluster, program.port),
    ):
        yield program


def parts(cluster: Cluster, name: str) -> tuple[Part, ...]:
    pod = cluster.api.get(f"/api/v1/namespaces/default/pods/{name}")
    return parse_assignment(pod["metadata"]["annotations"]["railwatch.io/gpu-assignment"])


def test_pods_fill_one_gpu_after_the_other_and_never_beyond(
    cluster: Cluster, program: Program
) -> None:
    live.add_sharing_nodes(cluster, "full", "full-0")
    names = [f"full-{n}" for n in range(4)]
    for name in names:
        cluster.api.create(live.sharing_pod(name, "full", 500))
    for name in names:
        live.await_places(cluster, name, ["full-0"])
    cluster.api.create(live.sharing_pod("over", "full", 500))

    assert "Insufficient railwatch.io/gpu-milli" in live.unschedulable(cluster, "over")

    gpus = sorted(part.gpu for name in names for part in parts(cluster, name))
    assert gpus == [0, 0, 1, 1]
    assert program.metric("railwatch_scheduler_share_binds_total", result="bound") == 4


def test_a_node_whose_shares_are_in_pieces_is_refused_with_the_reason(
    cluster: Cluster, program: Program
) -> None:
    live.add_sharing_nodes(cluster, "pieces", "pieces-0")
    for name in ("piece-a", "piece-b"):
        cluster.api.create(live.sharing_pod(name, "pieces", 600))
        live.await_places(cluster, name, ["pieces-0"])

    cluster.api.create(live.sharing_pod("piece-c", "pieces", 700))

    said = live.unschedulable(cluster, "piece-c")
    assert "railwatch: no GPU has room for the share" in said
    cluster.api.delete("/api/v1/namespaces/default/pods/piece-a")
    asked = live.sharing_pod("asked", "pieces", 700)
    wait_until(lambda: passes(program, asked, "pieces-0"))
    live.await_places(cluster, "piece-c", ["pieces-0"])


def passes(program: Program, pod: dict[str, Any], node: str) -> bool:
    asked = {"Pod": pod, "Nodes": None, "NodeNames": [node]}
    status, said = program.post("filter", json.dumps(asked).encode())
    assert status == 200
    return bool(json.loads(said)["NodeNames"] == [node])


def test_two_replicas_binding_at_once_never_give_a_gpu_out_twice(cluster: Cluster) -> None:

    live.add_sharing_nodes(cluster, "race", "race-0")
    names = [f"race-{n}" for n in range(8)]
    for name in names:
        made = live.sharing_pod(name, "race", 400)
        made["spec"]["schedulerName"] = "nobody"
        cluster.api.create(made)
    kubeconfig = cluster.kubeconfig_for(live.PROGRAM_USER)
    with (
        live.program(kubeconfig, "--share", "--no-gangs") as one,
        live.program(kubeconfig, "--share", "--no-gangs") as two,
    ):

        def bind(at: int) -> str:
            pod = cluster.api.get(f"/api/v1/namespaces/default/pods/{names[at]}")["metadata"]
            asked = {"PodName": pod["name"], "PodNamespace": "default", "PodUID": pod["uid"]}
            status, said = (one, two)[at % 2].post(
                "bind", json.dumps({**asked, "Node": "race-0"}).encode()
            )
            assert status == 200
            return str(json.loads(said)["Error"])

        with ThreadPoolExecutor(8) as threads:
            errors = list(threads.map(bind, range(8)))

    bound = [name for name, error in zip(names, errors, strict=True) if not error]
    given = [part for name in bound for part in parts(cluster, name)]
    assert 1 <= len(bound) <= 4
    for gpu in (0, 1):
        assert sum(part.milli for part in given if part.gpu == gpu) <= 1000
    assert all(error for name, error in zip(names, errors, strict=True) if name not in bound)
