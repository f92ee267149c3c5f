"""A gang of 512 pods on 1,000 nodes in three tiers, from its last pod created to all bound.

Everything is real but the kubelets: etcd, kube-apiserver, kube-scheduler, the extender and the gang
controller share the machine's cores. Beside it the same pods without a gate and without the
extender: kube-scheduler binds most of those while they are still being created.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from testbed.servers import Cluster
from testbed.waiting import wait_until
from tests.scheduler_feedback import live
from tests.scheduler_feedback.live import Site

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]

NODES, RANKS = 1_000, 512
PER_LEAF, LEAVES_PER_SPINE, SPINES_PER_CORE = 16, 8, 4


def add_node(cluster: Cluster, number: int) -> None:
    leaf = number // PER_LEAF
    spine = leaf // LEAVES_PER_SPINE
    name = f"gpu-{number:04}"
    labels = {
        "kubernetes.io/hostname": name,
        "pool": "gang",
        "topology.railwatch.io/tier-0": f"leaf-{leaf}",
        "topology.railwatch.io/tier-1": f"spine-{spine}",
        "topology.railwatch.io/tier-2": f"core-{spine // SPINES_PER_CORE}",
    }
    cluster.add_nodes([name], labels=labels)


def pod(name: str, gang: str, *, gated: bool) -> dict[str, Any]:
    made = live.bare_pod(name, "gang")
    made["metadata"]["labels"] = {"app": gang}
    if gated:
        made["metadata"]["labels"]["railwatch.io/gang"] = gang
        made["metadata"]["annotations"] = {
            "railwatch.io/gang-size": str(RANKS),
            "railwatch.io/gang-topology-required": "tier-2",
            "railwatch.io/gang-topology-preferred": "tier-1",
        }
        made["spec"]["schedulingGates"] = [{"name": "railwatch.io/gang"}]
    else:
        made["spec"]["schedulerName"] = "default-scheduler"
    return made


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Cluster(scheduler=True) as cluster:
        live.deploy_rbac(cluster)
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda number: add_node(cluster, number), range(NODES)))
        kubeconfig = cluster.kubeconfig_for(live.PROGRAM_USER)
        with live.program(kubeconfig) as program, live.kube_scheduler(cluster, program.port):
            yield Site(cluster=cluster, program=program)


def create(site: Site, gang: str, *, gated: bool) -> None:
    names = [f"{gang}-{rank}" for rank in range(RANKS)]
    made = [pod(name, gang, gated=gated) for name in names]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(site.cluster.api.create, made))


def await_bound(site: Site, gang: str) -> None:
    path = f"/api/v1/namespaces/default/pods?labelSelector=app%3D{gang}"
    wait_until(
        lambda: all(p["spec"].get("nodeName") for p in site.cluster.api.items(path)),
        within=300,
        what=f"all pods of {gang} bound",
        every=0.25,
    )


def delete(site: Site, gang: str) -> None:
    path = f"/api/v1/namespaces/default/pods?labelSelector=app%3D{gang}"
    for each in site.cluster.api.items(path):
        name = each["metadata"]["name"]
        site.cluster.api.delete(f"/api/v1/namespaces/default/pods/{name}?gracePeriodSeconds=0")


@pytest.mark.parametrize("gated", [True, False], ids=["gang", "no gang, no extender"])
def test_bench_512_pods_to_all_bound(
    site: Site,
    benchmark: BenchmarkFixture,
    gated: bool,  # noqa: FBT001 - a case
) -> None:
    gang = "gang" if gated else "plain"

    def setup() -> None:
        create(site, gang, gated=gated)

    benchmark.pedantic(  # type: ignore[no-untyped-call] # pytest-benchmark forgot it
        lambda: await_bound(site, gang), setup=setup, rounds=1
    )

    delete(site, gang)
