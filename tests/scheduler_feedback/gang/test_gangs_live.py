"""Gangs on a real kube-apiserver, kube-scheduler and controller-manager."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from testbed.servers import Cluster
from testbed.waiting import wait_until
from tests.scheduler_feedback import live
from tests.scheduler_feedback.live import Site
from tests.scheduler_feedback.objects import GPU_UNAVAILABLE, fault, taint

pytestmark = pytest.mark.cluster

FLAGS = ("--gangs.interval=500ms", "--gangs.patience=5s", live.LONG_LEASE)
HASTY = "hasty.io"
"""Prefix of the gangs that are rolled back soon: others may be bound late on a busy machine."""


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Cluster(kwok=True, controller_manager=True) as cluster:
        live.deploy_rbac(cluster)
        kubeconfig = cluster.kubeconfig_for(live.PROGRAM_USER)
        with (
            live.program(kubeconfig, *FLAGS) as program,
            live.kube_scheduler(cluster, program.port),
        ):
            yield Site(cluster=cluster, program=program)


@pytest.fixture(scope="module")
def hasty(site: Site) -> Iterator[Site]:
    """A program beside the other, for gangs of its own, that takes them back within a second."""
    own = (f"--key-prefix={HASTY}", "--lease.name=hasty", "--gangs.bind-within=1s")
    with live.program(site.cluster.kubeconfig, *FLAGS, *own) as program:
        yield Site(cluster=site.cluster, program=program)


def add_rack(site: Site, pool: str, leaf: str, *names: str) -> None:
    for name in names:
        labels = {
            "pool": pool,
            "kubernetes.io/hostname": name,
            "topology.railwatch.io/tier-0": leaf,
            "topology.railwatch.io/tier-1": f"{pool}-spine",
        }
        site.cluster.add_nodes([name], labels=labels)


def job(name: str, pool: str, size: int, **annotations: str) -> dict[str, Any]:
    pod = live.template(pool, {"app": name, "railwatch.io/gang": name})
    pod["metadata"]["annotations"] = {"railwatch.io/gang-size": str(size)} | {
        f"railwatch.io/gang-{key.replace('_', '-')}": value for key, value in annotations.items()
    }
    pod["spec"] |= {"schedulingGates": [{"name": "railwatch.io/gang"}], "restartPolicy": "Never"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "completions": size,
            "parallelism": size,
            "completionMode": "Indexed",
            "backoffLimit": 100,
            "template": pod,
        },
    }


def bound(site: Site, app: str) -> list[str]:
    return sorted(
        pod["spec"]["nodeName"]
        for pod in live.pods(site.cluster, app)
        if pod["spec"].get("nodeName")
    )


def await_bound(site: Site, app: str, count: int) -> list[str]:
    found: list[str] = []

    def all_bound() -> bool:
        found[:] = bound(site, app)
        return len(found) == count

    wait_until(all_bound, what=f"{count} pods of {app} bound")
    return found


def says(site: Site, app: str) -> set[str]:
    """What the Events about the pods of a gang say."""
    names = {pod["metadata"]["name"] for pod in live.pods(site.cluster, app)}
    found = site.cluster.api.items("/api/v1/namespaces/default/events")
    return {
        event["message"]
        for event in found
        if event["involvedObject"]["name"] in names and event["reason"].startswith("Gang")
    }


def await_says(site: Site, app: str, words: str) -> None:
    wait_until(
        lambda: any(words in said for said in says(site, app)),
        what=f"{app} is said to be: {words}; said: {says(site, app)}",
    )


def test_a_gang_starts_as_a_whole_in_one_leaf_with_its_ranks_in_order(site: Site) -> None:
    add_rack(site, "whole", "whole-a", "whole-a0", "whole-a1")
    add_rack(site, "whole", "whole-b", "whole-b0", "whole-b1", "whole-b2", "whole-b3")

    site.cluster.api.create(job("whole", "whole", 4, topology_required="tier-0"))

    assert await_bound(site, "whole", 4) == ["whole-b0", "whole-b1", "whole-b2", "whole-b3"]
    by_rank = {
        pod["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"]: pod["spec"][
            "nodeName"
        ]
        for pod in live.pods(site.cluster, "whole")
    }
    assert by_rank == {str(rank): f"whole-b{rank}" for rank in range(4)}


def test_no_pod_of_a_gang_starts_unless_all_can(site: Site) -> None:
    add_rack(site, "short", "short-a", "short-a0", "short-a1", "short-a2")

    site.cluster.api.create(job("short", "short", 4))
    await_says(site, "short", "no_domain: the best cluster has room for 3 of 4")

    site.await_planner()
    assert bound(site, "short") == []
    add_rack(site, "short", "short-a", "short-a3")
    assert len(await_bound(site, "short", 4)) == 4


def test_two_gangs_that_fit_alone_but_not_together_do_not_deadlock(site: Site) -> None:
    add_rack(site, "pair", "pair-a", *(f"pair-a{n}" for n in range(4)))
    for name in ("pair-one", "pair-two"):
        site.cluster.api.create(job(name, "pair", 3))

    wait_until(
        lambda: sorted(len(bound(site, name)) for name in ("pair-one", "pair-two")) == [0, 3],
        what="one of the two gangs is placed, whole",
    )
    first, second = sorted(("pair-one", "pair-two"), key=lambda name: -len(bound(site, name)))
    path = f"/apis/batch/v1/namespaces/default/jobs/{first}?propagationPolicy=Background"
    site.cluster.api.delete(path)

    assert len(await_bound(site, second, 3)) == 3


def test_a_gang_keeps_off_a_node_that_the_bridge_has_closed(site: Site) -> None:
    add_rack(site, "closed", "closed-a", "closed-a0", "closed-a1", "closed-a2")
    site.tell("closed-a0", [taint(GPU_UNAVAILABLE, "drain")], [fault("drain")])
    site.await_nodes()

    site.cluster.api.create(job("closed", "closed", 2))

    assert await_bound(site, "closed", 2) == ["closed-a1", "closed-a2"]


def test_a_degraded_node_is_used_by_a_gang_only_when_nothing_else_fits(site: Site) -> None:
    add_rack(site, "graded", "graded-a", "graded-a0", "graded-a1", "graded-a2")
    site.tell("graded-a0", faults=[fault("drain", "withheld")])
    site.await_nodes()

    site.cluster.api.create(job("graded-first", "graded", 2))
    assert await_bound(site, "graded-first", 2) == ["graded-a1", "graded-a2"]
    site.cluster.api.create(job("graded-second", "graded", 1))

    assert await_bound(site, "graded-second", 1) == ["graded-a0"]


def test_a_rank_that_is_lost_comes_back_near_the_others(site: Site) -> None:
    add_rack(site, "lost", "lost-a", *(f"lost-a{n}" for n in range(3)))
    add_rack(site, "lost", "lost-b", *(f"lost-b{n}" for n in range(4)))
    site.cluster.api.create(job("lost", "lost", 3, topology_required="tier-0"))
    placed = await_bound(site, "lost", 3)
    assert placed == ["lost-a0", "lost-a1", "lost-a2"]

    gone = next(p for p in live.pods(site.cluster, "lost") if p["spec"]["nodeName"] == "lost-a1")
    name = gone["metadata"]["name"]
    site.cluster.api.delete(f"/api/v1/namespaces/default/pods/{name}")
    wait_until(
        lambda: name not in {p["metadata"]["name"] for p in live.pods(site.cluster, "lost")},
        what="the lost rank is gone",
    )

    assert await_bound(site, "lost", 3) == placed


def rank(gang: str, number: int, size: int) -> dict[str, Any]:
    made = live.bare_pod(f"{gang}-{number}", gang)
    made["metadata"]["labels"] = {"app": gang, "railwatch.io/gang": gang}
    made["metadata"]["annotations"] = {"railwatch.io/gang-size": str(size)}
    made["spec"]["schedulingGates"] = [{"name": "railwatch.io/gang"}]
    return made


def test_a_gang_grows_near_its_ranks_once_all_new_ones_are_there_and_shrinks_unharmed(
    site: Site,
) -> None:
    for leaf in ("grown-a", "grown-b"):
        add_rack(site, "grown", leaf, *(f"{leaf}{n}" for n in range(4)))
    for number in range(2):
        site.cluster.api.create(rank("grown", number, 2))
    assert await_bound(site, "grown", 2) == ["grown-a0", "grown-a1"]

    site.cluster.api.create(rank("grown", 2, 4))
    site.await_planner()
    assert len(bound(site, "grown")) == 2
    site.cluster.api.create(rank("grown", 3, 4))
    whole = [f"grown-a{n}" for n in range(4)]
    assert await_bound(site, "grown", 4) == whole

    for number in range(4):
        path = f"/api/v1/namespaces/default/pods/grown-{number}"
        note = {"metadata": {"annotations": {"railwatch.io/gang-size": "1"}}}
        site.cluster.api.merge(path, note)
    site.await_planner()
    assert bound(site, "grown") == whole


def test_annotations_that_make_no_sense_are_said_and_nothing_starts(site: Site) -> None:
    add_rack(site, "odd", "odd-a", "odd-a0")

    site.cluster.api.create(job("odd", "odd", 1, topology_required="leaf"))

    await_says(site, "odd", "'leaf' is not a tier such as tier-0")
    site.await_planner()
    assert bound(site, "odd") == []


def unbindable(name: str, backoff: int) -> dict[str, Any]:
    """A gang of the hasty program whose scheduler does not exist: let go and never bound."""
    made = json.loads(json.dumps(job(name, name, 2)).replace("railwatch.io/", f"{HASTY}/"))
    made["spec"]["backoffLimit"] = backoff
    made["spec"]["template"]["spec"]["schedulerName"] = "nobody"
    return dict(made)


def test_a_gang_that_is_not_bound_is_rolled_back_and_planned_again(hasty: Site) -> None:
    add_rack(hasty, "stolen", "stolen-a", "stolen-a0", "stolen-a1")

    hasty.cluster.api.create(unbindable("stolen", backoff=100))
    first = {
        pod["metadata"]["uid"] for pod in wait_until(lambda: live.pods(hasty.cluster, "stolen"))
    }

    wait_until(
        lambda: not first & {pod["metadata"]["uid"] for pod in live.pods(hasty.cluster, "stolen")},
        what="its pods are deleted",
    )
    name = "railwatch_scheduler_gang_pods_total"
    wait_until(lambda: (hasty.program.metric(name, result="rolled_back") or 0) >= 2)


def test_a_gang_whose_job_would_not_survive_it_is_not_rolled_back(hasty: Site) -> None:
    add_rack(hasty, "stuck", "stuck-a", "stuck-a0", "stuck-a1")

    hasty.cluster.api.create(unbindable("stuck", backoff=1))

    await_says(hasty, "stuck", "not rolled back: Job stuck bears 1 more failures")
    assert len(live.pods(hasty.cluster, "stuck")) == 2


def test_a_stateful_set_that_makes_one_pod_at_a_time_is_explained(site: Site) -> None:
    template = job("ordered", "ordered", 3)["spec"]["template"]
    template["spec"].pop("restartPolicy")
    site.cluster.api.create(
        {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": {"name": "ordered", "namespace": "default"},
            "spec": {
                "replicas": 3,
                "serviceName": "ordered",
                "selector": {"matchLabels": {"app": "ordered"}},
                "template": template,
            },
        }
    )

    wait_until(lambda: len(live.pods(site.cluster, "ordered")) == 1, what="its first pod")
    site.await_planner()
    assert bound(site, "ordered") == []
