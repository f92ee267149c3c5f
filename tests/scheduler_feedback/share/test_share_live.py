"""Pods that share GPUs on a real cluster: the stock kube-scheduler asks, the extender binds."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from scheduler_feedback.kube import connect
from scheduler_feedback.share.assignment import Part, parse_assignment
from scheduler_feedback.share.binder import Binder, Target
from scheduler_feedback.share.book import Book, Reservation
from scheduler_feedback.share.kube import ShareKube
from scheduler_feedback.share.names import Names
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

    live.await_unschedulable(cluster, "over", "Insufficient railwatch.io/gpu-milli")

    gpus = sorted(part.gpu for name in names for part in parts(cluster, name))
    assert gpus == [0, 0, 1, 1]
    bound = "railwatch_scheduler_share_binds_total"
    wait_until(lambda: program.metric(bound, result="bound") == len(names))


def test_a_node_whose_shares_are_in_pieces_is_refused_with_the_reason(
    cluster: Cluster, program: Program
) -> None:
    live.add_sharing_nodes(cluster, "pieces", "pieces-0")
    for name, milli in (("piece-a", 600), ("piece-b", 600), ("crumb", 100)):
        cluster.api.create(live.sharing_pod(name, "pieces", milli))
        live.await_places(cluster, name, ["pieces-0"])

    cluster.api.create(live.sharing_pod("piece-c", "pieces", 700))

    live.await_unschedulable(cluster, "piece-c", "railwatch: no GPU has room for the share")
    cluster.api.delete("/api/v1/namespaces/default/pods/piece-a")
    asked = live.sharing_pod("asked", "pieces", 700)
    wait_until(lambda: passes(program, asked, "pieces-0"))
    # kube-scheduler may have asked again before the program knew: it asks whenever a pod has left
    cluster.api.delete("/api/v1/namespaces/default/pods/crumb")
    live.await_places(cluster, "piece-c", ["pieces-0"])


def test_what_was_announced_for_a_pod_is_void_once_another_has_its_name(cluster: Cluster) -> None:
    """A replica ended between announcing and binding, and a StatefulSet made the pod anew."""
    live.add_sharing_nodes(cluster, "anew", "anew-0")
    kube = connect(str(cluster.kubeconfig_for(live.PROGRAM_USER)))
    books = ShareKube(kube, "railwatch")
    old = _unbound(cluster, "rank-0")
    left = Reservation(
        namespace="default",
        name="rank-0",
        uid=old["uid"],
        at=0.0,
        parts=(Part(gpu=0, milli=1000, memory=0),),
    )
    books.write(Book(node="anew-0", node_uid=_uid(cluster, "anew-0"), reservations=(left,)))
    cluster.api.delete("/api/v1/namespaces/default/pods/rank-0")
    new = _unbound(cluster, "rank-0")

    target = Target(namespace="default", name="rank-0", uid=new["uid"], node="anew-0")
    bound = Binder(books, Names()).bind(target)

    assert [part.gpu for part in bound.parts] == [0]
    kept = books.book("anew-0", _uid(cluster, "anew-0")).reservations
    assert old["uid"] not in [each.uid for each in kept]


def _unbound(cluster: Cluster, name: str) -> dict[str, Any]:
    """Create a pod that no scheduler looks at; return its metadata."""
    made = live.sharing_pod(name, "anew", 1000)
    made["spec"]["schedulerName"] = "nobody"
    cluster.api.create(made)
    found = cluster.api.get(f"/api/v1/namespaces/default/pods/{name}")
    return dict(found["metadata"])


def _uid(cluster: Cluster, node: str) -> str:
    return str(cluster.node(node)["metadata"]["uid"])


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
