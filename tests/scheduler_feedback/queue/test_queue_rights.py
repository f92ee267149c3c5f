"""Each right of the roles for queues and reclaim is needed: without it something cannot be done."""

from collections.abc import Iterator
from typing import Any

import pytest

from scheduler_feedback.announce import Announcer
from scheduler_feedback.drain_kube import DrainKube
from scheduler_feedback.errors import Forbidden
from scheduler_feedback.gang.model import Gang, Rank
from scheduler_feedback.kube import Kube, connect
from scheduler_feedback.queue import why
from scheduler_feedback.queue.engines import Engines
from scheduler_feedback.queue.giveback import GiveBack
from scheduler_feedback.queue.reclaim import Reclaim
from testbed.api import ApiError, read_objects
from testbed.servers import Cluster
from testbed.waiting import wait_until
from tests.scheduler_feedback import live
from tests.scheduler_feedback.queue.test_queues_live import CRDS

pytestmark = pytest.mark.cluster

RBAC = read_objects(live.DEPLOY / "scheduler" / "rbac.yaml")
GPU = "nvidia.com/gpu"


def rules(role: str) -> list[dict[str, Any]]:
    return next(
        made["rules"]
        for made in RBAC
        if made["kind"] == "ClusterRole" and made["metadata"]["name"] == role
    )


RIGHTS = [
    (role, group, resource)
    for role in ("railwatch-queues", "railwatch-reclaim")
    for rule in rules(role)
    for group in rule["apiGroups"]
    for resource in rule["resources"]
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster() as cluster:
        live.deploy_rbac(cluster)
        cluster.apply(CRDS / "kueue.yaml")
        cluster.apply(CRDS / "volcano.yaml")
        paths = ("kueue.x-k8s.io/v1beta2/workloads", "scheduling.volcano.sh/v1beta1/podgroups")
        wait_until(lambda: all(_served(cluster, at) for at in paths), within=20, what="the kinds")
        cluster.add_nodes(["gpu-0"])
        yield cluster


def _served(cluster: Cluster, path: str) -> bool:
    try:
        cluster.api.get(f"/apis/{path}")
    except ApiError:
        return False
    return True


def user(cluster: Cluster, name: str, missing: tuple[str, str, str] | None) -> Kube:
    """A user with the rights of both roles, and of the extender, but for one resource."""
    roles = ["railwatch-extender"]
    for role in ("railwatch-queues", "railwatch-reclaim"):
        kept = [
            {**rule, "resources": [resource]}
            for rule in rules(role)
            for resource in rule["resources"]
            if missing != (role, rule["apiGroups"][0], resource)
        ]
        made = {"kind": "ClusterRole", "metadata": {"name": f"{role}-{name}"}, "rules": kept}
        cluster.apply([{"apiVersion": "rbac.authorization.k8s.io/v1", **made}])
        roles.append(f"{role}-{name}")
    group = "rbac.authorization.k8s.io"
    for role in roles:
        binding = {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": f"{role}-{name}"},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
            "subjects": [{"kind": "User", "apiGroup": group, "name": name}],
        }
        cluster.apply([binding])
    wait_until(
        lambda: (
            all(_may(cluster, name, *right[1:]) for right in RIGHTS if right != missing)
            and _may(cluster, name, "", "pods")
        ),
        within=20,
        what=f"the rights of {name} are in force",
    )
    return connect(str(cluster.kubeconfig_for(name)))


def _may(cluster: Cluster, name: str, group: str, resource: str) -> bool:
    """Whether the kube-apiserver lets a user do what the roles say with a resource."""
    verbs = {"pods/eviction": "create", "jobs": "get"}
    plural, _, below = resource.partition("/")
    asked = {
        "group": group,
        "resource": plural,
        "subresource": below,
        "verb": verbs.get(resource, "list"),
        "namespace": "default" if group in ("", "batch") else "",
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": name, "resourceAttributes": asked},
    }
    return bool(cluster.api.create(review)["status"]["allowed"])


def works(cluster: Cluster, kube: Kube, name: str) -> list[str]:
    """Return what does not work for a user."""
    engines = Engines(kube)
    engines.refresh()
    failed = [kind for kind, reading in engines.readings.items() if not reading.readable]
    queued = {
        "metadata": {
            "namespace": "default",
            "name": "p",
            "uid": "u",
            "labels": {"kueue.x-k8s.io/queue-name": "main"},
        }
    }
    if "cannot be read" in why.by_engine(kube, queued, engines):
        failed.append("workloads")
    gang = _running(cluster, name)
    counted: list[str] = []
    giving = GiveBack(
        DrainKube(kube, "railwatch.io"),
        Announcer(kube),
        leading=lambda: True,
        counted=counted.append,
    )
    try:
        giving.act(Reclaim(gang=gang, resources=(GPU,), leaving=(gang,)))
    except Forbidden:
        failed.append("reclaim")
    if counted != ["evicted"]:
        failed.append("eviction")
    return failed


def _running(cluster: Cluster, name: str) -> Gang:
    """A gang of one, of a Job that bears its eviction."""
    template: dict[str, Any] = {
        "metadata": {"labels": {"app": name}},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "a"}]},
    }
    metadata = {"namespace": "default", "name": name}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata}
    made = cluster.api.create({**job, "spec": {"template": template}})
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": name, "controller": True}
    owners = [{**owner, "uid": made["metadata"]["uid"]}]
    spec = template["spec"] | {"nodeName": "gpu-0"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {**metadata, "ownerReferences": owners}}
    uid = cluster.api.create({**pod, "spec": spec})["metadata"]["uid"]
    rank = Rank(name=name, uid=uid, index=0, request={GPU: 8}, node="gpu-0")
    return Gang(namespace="default", name=name, size=1, least=1, ranks=(rank,))


def test_with_all_of_them_all_works(cluster: Cluster) -> None:
    kube = user(cluster, "whole", None)

    assert works(cluster, kube, "whole") == []


@pytest.mark.parametrize("right", RIGHTS, ids="/".join)
def test_without_one_of_them_something_does_not(
    cluster: Cluster, right: tuple[str, str, str]
) -> None:
    expected = {
        "clusterqueues": ["kueue_cluster"],
        "localqueues": ["kueue_local"],
        "workloads": ["workloads"],
        "queues": ["volcano"],
        "podgroups": ["upstream" if right[1] == "scheduling.k8s.io" else "volcano"],
        "poddisruptionbudgets": ["reclaim", "eviction"],
        "jobs": ["reclaim", "eviction"],
        "pods/eviction": ["eviction"],
    }
    name = f"no-{'-'.join(right[1:])}".replace("/", "-").replace(".", "-")

    assert works(cluster, user(cluster, name, right), name) == expected[right[2]]
