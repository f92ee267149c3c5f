"""Each rule of the drainer's role is needed: without it something fails, and can be seen to."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from catalog.wire import dump_devices
from testbed.api import read_objects
from testbed.servers import Cluster
from testbed.waiting import wait_until
from tests.scheduler_feedback import live
from tests.scheduler_feedback.live import Program, Site
from tests.scheduler_feedback.objects import GPU_UNAVAILABLE, fault, taint

pytestmark = pytest.mark.cluster

RBAC = read_objects(live.DEPLOY / "scheduler" / "rbac.yaml")
RULES = next(
    o["rules"] for o in RBAC if o["kind"] == "ClusterRole" and "drainer" in o["metadata"]["name"]
)
FORBIDDEN = (
    ("railwatch_scheduler_drain_failures_total", {"reason": "forbidden"}),
    ("railwatch_scheduler_evictions_total", {"result": "refused"}),
    ("railwatch_scheduler_drain_jobs_total", {"result": "failed"}),
)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster() as cluster:
        live.deploy_rbac(cluster)
        cluster.add_nodes(["drained", "fenced"])
        _tell(cluster, "drained", [fault("drain")], [taint(GPU_UNAVAILABLE, "drain")])
        told = fault("drain", device="GPU-2", since="2099-01-01T00:00:00Z")
        _tell(cluster, "fenced", [dataclasses.replace(told, fence="rule")], [])
        yield cluster


def _tell(cluster: Cluster, node: str, faults: list[Any], taints: list[Any]) -> None:
    notes = {"railwatch.io/devices": dump_devices(faults)}
    change = {"metadata": {"annotations": notes}, "spec": {"taints": taints}}
    cluster.api.merge(f"/api/v1/nodes/{node}", change)


def _kubeconfig(cluster: Cluster, user: str, rules: list[Any]) -> Path:
    """A user with all that the program's roles say, but of the drainer's only these rules."""
    subjects = [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": user}]
    for made in RBAC:
        name = f"{made['metadata']['name']}-{user}"
        metadata = {**made["metadata"], "name": name}
        own = made["metadata"].get("labels", {}).get("app.kubernetes.io/component")
        if made["kind"] == "ClusterRole" and made["metadata"]["name"] == "railwatch-drainer":
            cluster.apply([{**made, "metadata": metadata, "rules": rules}])
        if own not in ("extender", "drainer") or "subjects" not in made:
            continue
        ref = made["roleRef"]
        if made["kind"] == "ClusterRoleBinding" and ref["name"] == "railwatch-drainer":
            ref = {**ref, "name": f"railwatch-drainer-{user}"}
        cluster.apply([{**made, "metadata": metadata, "roleRef": ref, "subjects": subjects}])
    kept = [*RULES_OF_ALL, *rules]
    wait_until(lambda: all(_may(cluster, user, rule) for rule in kept), what="the rights are there")
    return cluster.kubeconfig_for(user)


RULES_OF_ALL = (
    {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]},
)


def _may(cluster: Cluster, user: str, rule: dict[str, list[str]]) -> bool:
    namespace = "railwatch" if "leases" in rule["resources"] else ""
    return live.may(cluster, user, rule, namespace)


def _populate(cluster: Cluster, user: str) -> None:
    """A gang of a Job, and a pod of a ReplicaSet, on the node that is drained."""
    job = live.template("", {"app": user})
    job["spec"] |= {"restartPolicy": "Never"}
    made = cluster.api.create(
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": user, "namespace": "default"},
            "spec": {"template": job, "backoffLimit": 0},
        }
    )
    for name, kind, uid in (
        (f"{user}-job", "Job", made["metadata"]["uid"]),
        (f"{user}-single", "ReplicaSet", "1"),
    ):
        pod = live.bare_pod(name, "", gpus=0)
        api = "batch/v1" if kind == "Job" else "apps/v1"
        owner = {"apiVersion": api, "kind": kind, "name": user, "uid": uid, "controller": True}
        pod["metadata"]["ownerReferences"] = [owner]
        pod["metadata"]["annotations"] = {"railwatch.io/checkpoint-deadline": "1ms"}
        pod["spec"]["nodeName"] = "drained"
        cluster.api.create(pod)


def _clear(cluster: Cluster, user: str) -> None:
    for path in (
        f"/apis/batch/v1/namespaces/default/jobs/{user}",
        f"/api/v1/namespaces/default/pods/{user}-job",
        f"/api/v1/namespaces/default/pods/{user}-single",
    ):
        cluster.api.delete(path)


def _seen(program: Program) -> list[str]:
    """What a look at metrics, readiness and log shows to fail."""
    found = [name for name, labels in FORBIDDEN if program.metric(name, **labels)]
    return found + program.said("event not posted")


def _acted(cluster: Cluster, program: Program, user: str) -> bool:
    job = cluster.api.get(f"/apis/batch/v1/namespaces/default/jobs/{user}")
    evicted = program.metric("railwatch_scheduler_evictions_total", result="evicted")
    return bool(job["spec"]["suspend"]) and evicted == 1


FLAGS = ("--drain", "--no-gangs", "--drain.interval=200ms", live.LONG_LEASE)


def test_with_all_rules_nothing_fails(cluster: Cluster) -> None:
    _populate(cluster, "whole")
    with live.program(_kubeconfig(cluster, "whole", RULES), *FLAGS) as program:
        wait_until(lambda: _acted(cluster, program, "whole"), what="all is done")
        wait_until(lambda: live.events(cluster, "Evicted", "whole-single"), what="its Event")
        Site(cluster=cluster, program=program).await_drainer()
        assert not _seen(program)
    _clear(cluster, "whole")


@pytest.mark.parametrize("missing", range(len(RULES)))
def test_without_a_rule_something_fails_and_is_seen(cluster: Cluster, missing: int) -> None:
    user = f"without-{missing}"
    _populate(cluster, user)
    rules = [rule for number, rule in enumerate(RULES) if number != missing]

    with live.program(_kubeconfig(cluster, user, rules), *FLAGS) as program:
        wait_until(lambda: _seen(program), what=f"{RULES[missing]} is missed")

    _clear(cluster, user)
