"""Each right of the roles for queues and reclaim is needed: without it something cannot be done."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from scheduler_feedback.claims import CLAIMS
from scheduler_feedback.collection import Collection
from scheduler_feedback.drain_kube import DrainKube
from scheduler_feedback.errors import Forbidden
from scheduler_feedback.gang.model import Gang, Rank
from scheduler_feedback.kube import Kube, connect
from scheduler_feedback.queue import why
from scheduler_feedback.queue.engines import Engines
from scheduler_feedback.queue.giveback import Counted, GiveBack
from scheduler_feedback.queue.reclaim import Reclaim
from testbed.api import read_objects
from testbed.servers import Cluster
from testbed.waiting import wait_until
from tests.scheduler_feedback import live
from tests.scheduler_feedback.fakes import Prompt
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
    (role, group, resource, verb)
    for role in ("railwatch-queues", "railwatch-reclaim")
    for rule in rules(role)
    for group in rule["apiGroups"]
    for resource in rule["resources"]
    for verb in rule["verbs"]
]
KINDS = tuple(
    f"/apis/{group}/{version}/{resource}"
    for group, version in (("kueue.x-k8s.io", "v1beta2"), ("scheduling.volcano.sh", "v1beta1"))
    for resource in sorted({resource for _, of, resource, _ in RIGHTS if of == group})
)
"""What others define, of what the roles are about."""
Right = tuple[str, str, str, str]
"""A role, a group, a resource of it, a verb."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster() as cluster:
        live.deploy_rbac(cluster)
        cluster.apply(CRDS / "kueue.yaml")
        cluster.apply(CRDS / "volcano.yaml")
        live.await_served(cluster, *KINDS)
        cluster.add_nodes(["gpu-0"])
        yield cluster


def user(cluster: Cluster, name: str, missing: Right | None) -> Kube:
    """A user with the rights of both roles, and of the extender, but for one of them."""
    roles = ["railwatch-extender"]
    for role in ("railwatch-queues", "railwatch-reclaim"):
        kept = [
            {"apiGroups": [group], "resources": [resource], "verbs": [verb]}
            for of, group, resource, verb in RIGHTS
            if of == role and missing != (of, group, resource, verb)
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
            and _may(cluster, name, "", "pods", "list")
        ),
        what=f"the rights of {name} are in force",
    )
    return connect(str(cluster.kubeconfig_for(name)))


def _may(cluster: Cluster, name: str, group: str, resource: str, verb: str) -> bool:
    """Whether the kube-apiserver lets a user do what the roles say with a resource."""
    plural, _, below = resource.partition("/")
    asked = {
        "group": group,
        "resource": plural,
        "subresource": below,
        "verb": verb,
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
    if not _followed(kube):
        failed.append("claims")
    return [*failed, *_given_back(cluster, kube, name)]


def _followed(kube: Kube) -> bool:
    """Whether ResourceClaims can be listed and watched."""
    source = Collection(kube, CLAIMS, 1.0)
    try:
        listed = source.list()
        list(listed.objects)
        list(source.watch(listed.version()))
    except Forbidden:
        return False
    return True


def _given_back(cluster: Cluster, kube: Kube, name: str) -> list[str]:
    """Return what of giving back does not work for a user."""
    counted: list[str] = []
    giving = GiveBack(
        DrainKube(kube, "railwatch.io"),
        Prompt(kube),
        leading=lambda: True,
        counted=Counted(evictions=counted.append, jobs=counted.append),
    )

    def act(gang: Gang) -> None:
        giving.act(Reclaim(gang=gang, resources=(GPU,), leaving=(gang,)))

    failed = []
    patient = _running(cluster, f"{name}-patient", 1, "5m")
    steps: dict[str, Callable[[], None]] = {
        "ask": lambda: act(patient),
        "evict": lambda: act(_running(cluster, f"{name}-single", 1)),
        "suspend": lambda: act(_running(cluster, f"{name}-gang", 2)),
        "resume": giving.resume,
    }
    for what, done in steps.items():
        try:
            done()
        except Forbidden:
            failed.append(what)
    path = f"/api/v1/namespaces/default/pods/{patient.ranks[0].name}"
    notes = cluster.api.get(path)["metadata"]["annotations"]
    assert ("railwatch.io/gives-way-to" in notes) == ("ask" not in failed)
    missed = [each for each in ("evict", "suspend") if f"{each}ed" not in counted]
    return sorted({*failed, *missed})


def _running(cluster: Cluster, name: str, size: int, patience: str = "") -> Gang:
    """A gang of a Job that bears the eviction of one pod, asked first where it is patient."""
    template: dict[str, Any] = {
        "metadata": {"labels": {"app": name}},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "a"}]},
    }
    metadata = {"namespace": "default", "name": name}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata}
    made = cluster.api.create({**job, "spec": {"template": template}})
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": name, "controller": True}
    owners = [{**owner, "uid": made["metadata"]["uid"]}]
    notes = {"railwatch.io/checkpoint-deadline": patience} if patience else {}
    spec = template["spec"] | {"nodeName": "gpu-0"}
    ranks = []
    for index in range(size):
        about = {"namespace": "default", "name": f"{name}-{index}", "annotations": notes}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {**about, "ownerReferences": owners}}
        uid = cluster.api.create({**pod, "spec": spec})["metadata"]["uid"]
        rank = Rank(name=f"{name}-{index}", uid=uid, index=index, request={GPU: 8}, node="gpu-0")
        ranks.append(rank)
    return Gang(namespace="default", name=name, size=size, least=size, ranks=tuple(ranks))


def test_with_all_of_them_all_works(cluster: Cluster) -> None:
    kube = user(cluster, "whole", None)

    assert works(cluster, kube, "whole") == []


MISSED = {
    "clusterqueues": ["kueue_cluster"],
    "localqueues": ["kueue_local"],
    "workloads": ["workloads"],
    "queues": ["volcano"],
    "poddisruptionbudgets": ["ask", "evict", "suspend"],
    "pods/eviction": ["evict"],
    "pods": ["ask"],
    "resourceclaims": ["claims"],
}
MISSED_OF_JOBS = {"get": ["ask", "evict", "suspend"], "patch": ["suspend"], "list": ["resume"]}


@pytest.mark.parametrize("right", RIGHTS, ids="/".join)
def test_without_one_of_them_something_does_not(cluster: Cluster, right: Right) -> None:
    _, group, resource, verb = right
    engine = "upstream" if group == "scheduling.k8s.io" else "volcano"
    expected = MISSED | {"podgroups": [engine], "jobs": MISSED_OF_JOBS.get(verb, [])}
    name = f"without-{RIGHTS.index(right)}"

    kube = user(cluster, name, right)

    assert works(cluster, kube, name) == expected[resource]
