"""Each rule of extender, gang controller, sharing and Lease is needed: without it something fails.

As with the drainer's rules, what fails can be seen: in metrics, in the log, in what a command says.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from scheduler_feedback.share.assignment import Part
from scheduler_feedback.share.book import Reservation, dump_reservations
from scheduler_feedback.share.kube import book_name
from testbed.api import read_objects
from testbed.servers import Cluster
from testbed.waiting import wait_until
from tests.scheduler_feedback import live
from tests.scheduler_feedback.gang.test_gangs_live import rank
from tests.scheduler_feedback.live import Program

pytestmark = pytest.mark.cluster

SHARING, GANGS = ("extender", "share"), ("extender", "gangs", "lease")
"""What is deployed together; each part's rules are looked at with no others than these."""
LEASE = ("Role", "railwatch-drainer")
RBAC = read_objects(live.DEPLOY / "scheduler" / "rbac.yaml")
FLAGS = {
    SHARING: ("--share", "--no-gangs"),
    GANGS: ("--gangs.interval=200ms", "--gangs.bind-within=1s", live.LONG_LEASE),
}
FORBIDDEN = (
    ("railwatch_scheduler_watch_failures_total", {"reason": "forbidden"}),
    ("railwatch_scheduler_gang_pods_total", {"result": "failed"}),
    ("railwatch_scheduler_share_binds_total", {"result": "failed"}),
)
SAID = ("event not posted", "lease not reachable", "cannot be asked: forbidden")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of a role in deploy/."""

    part: str
    kind: str
    role: str
    number: int
    verbs: tuple[str, ...]
    resources: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.role}-{'-'.join(self.verbs)}-{'-'.join(self.resources)}".replace("/", ".")


def _part(item: Mapping[str, Any]) -> str:
    """Return whose a role or binding is, as deploy/ labels it; the Lease is of its own."""
    named = item.get("roleRef", item["metadata"])["name"]
    kind = item.get("roleRef", item)["kind"]
    labels = item["metadata"].get("labels", {})
    return "lease" if (kind, named) == LEASE else labels.get("app.kubernetes.io/component", "")


ROLES = [o for o in RBAC if "rules" in o and _part(o) in (*SHARING, *GANGS)]
BINDINGS = [o for o in RBAC if "roleRef" in o and _part(o) in (*SHARING, *GANGS)]
RULES = [
    Rule(
        part=_part(role),
        kind=role["kind"],
        role=role["metadata"]["name"],
        number=number,
        verbs=tuple(rule["verbs"]),
        resources=tuple(rule["resources"]),
    )
    for role in ROLES
    for number, rule in enumerate(role["rules"])
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster() as cluster:
        live.deploy_rbac(cluster)
        yield cluster


def _kubeconfig(
    cluster: Cluster, user: str, parts: Sequence[str], missing: Rule | None = None
) -> Path:
    """A user with what the roles of some parts say, but for one rule."""
    kept: list[tuple[Mapping[str, Any], str]] = []
    for role in (role for role in ROLES if _part(role) in parts):
        rules = [
            rule
            for number, rule in enumerate(role["rules"])
            if missing is None
            or (missing.kind, missing.role, missing.number)
            != (role["kind"], role["metadata"]["name"], number)
        ]
        kept += [(rule, role["metadata"].get("namespace", "")) for rule in rules]
        cluster.apply([{**role, "metadata": _named(role, user), "rules": rules}])
    for made in (made for made in BINDINGS if _part(made) in parts):
        ref = {**made["roleRef"], "name": f"{made['roleRef']['name']}-{user}"}
        subject = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": user}
        cluster.apply(
            [{**made, "metadata": _named(made, user), "roleRef": ref, "subjects": [subject]}]
        )
    wait_until(lambda: all(live.may(cluster, user, *each) for each in kept), what="the rights")
    return cluster.kubeconfig_for(user)


def _named(item: Mapping[str, Any], user: str) -> dict[str, Any]:
    return {**item["metadata"], "name": f"{item['metadata']['name']}-{user}"}


def _populate(cluster: Cluster, user: str) -> None:
    """A Job's gang that nobody binds, a pod with shares, and a book with an old announcement."""
    live.add_sharing_nodes(cluster, user, f"{user}-0", f"{user}-new")
    made = cluster.api.create(
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": user, "namespace": "default"},
            "spec": {"template": _template(user), "backoffLimit": 100},
        }
    )
    waiting = rank(user, 0, 1)
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": user, "controller": True}
    waiting["metadata"]["ownerReferences"] = [{**owner, "uid": made["metadata"]["uid"]}]
    waiting["spec"]["schedulerName"] = "nobody"
    cluster.api.create(waiting)
    for name in ("shared", "late", "first"):
        cluster.api.create(live.sharing_pod(f"{user}-{name}", user, 500))
    late = cluster.api.get(f"/api/v1/namespaces/default/pods/{user}-late")["metadata"]
    announced = Reservation(
        namespace="default",
        name=late["name"],
        uid=late["uid"],
        at=0.0,
        parts=(Part(gpu=0, milli=500, memory=1000),),
    )
    cluster.api.create(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": book_name(f"{user}-0"),
                "namespace": "railwatch",
                "labels": {"railwatch.io/gpu-share": "true"},
            },
            "data": {"reservations": dump_reservations([announced])},
        }
    )


def _template(user: str) -> dict[str, Any]:
    made = live.template(user, {"app": user})
    made["spec"] |= {"restartPolicy": "Never"}
    return made


def _bind(cluster: Cluster, program: Program, name: str, node: str) -> str:
    pod = cluster.api.get(f"/api/v1/namespaces/default/pods/{name}")["metadata"]
    asked = {"PodName": pod["name"], "PodNamespace": "default", "PodUID": pod["uid"]}
    status, said = program.post("bind", json.dumps({**asked, "Node": node}).encode())
    assert status == 200, said
    return str(json.loads(said)["Error"])


def _seen(program: Program) -> list[str]:
    """What a look at metrics and log shows to fail."""
    found = [name for name, labels in FORBIDDEN if program.metric(name, **labels)]
    return found + program.said(*SAID)


def _clear(cluster: Cluster, user: str) -> None:
    cluster.api.delete(f"/apis/batch/v1/namespaces/default/jobs/{user}")
    for name in ("0", "shared", "late", "first"):
        path = f"/api/v1/namespaces/default/pods/{user}-{name}?gracePeriodSeconds=0"
        cluster.api.delete(path)
    for node in (f"{user}-0", f"{user}-new"):
        cluster.api.delete(f"/api/v1/nodes/{node}")
    leases = "/apis/coordination.k8s.io/v1/namespaces/railwatch/leases"
    cluster.api.delete(f"{leases}/railwatch-scheduler")


def _share(cluster: Cluster, program: Program, user: str) -> list[str]:
    """Bind to a node whose book has an old announcement, and to one without a book."""
    return [
        _bind(cluster, program, f"{user}-shared", f"{user}-0"),
        _bind(cluster, program, f"{user}-first", f"{user}-new"),
    ]


def test_with_all_rules_of_sharing_nothing_fails(cluster: Cluster) -> None:
    _populate(cluster, "sharing")
    with live.program(_kubeconfig(cluster, "sharing", SHARING), *FLAGS[SHARING]) as program:
        assert _share(cluster, program, "sharing") == ["", ""]
        assert _seen(program) == []
    _clear(cluster, "sharing")


def test_with_all_rules_of_gangs_nothing_fails(cluster: Cluster) -> None:
    _populate(cluster, "gangs")
    with live.program(_kubeconfig(cluster, "gangs", GANGS), *FLAGS[GANGS]) as program:
        wait_until(
            lambda: program.metric("railwatch_scheduler_gang_pods_total", result="rolled_back"),
            what="the gang is let go, and rolled back",
        )
        assert _seen(program) == []
    _clear(cluster, "gangs")


@pytest.mark.parametrize("missing", RULES, ids=str)
def test_without_a_rule_something_fails_and_is_seen(cluster: Cluster, missing: Rule) -> None:
    user = f"without-{RULES.index(missing)}"
    parts = SHARING if missing.part == "share" else GANGS
    _populate(cluster, user)
    kubeconfig = _kubeconfig(cluster, user, parts, missing)

    if missing.verbs == ("list", "delete"):
        ended = live.run("release", "--all", f"--kubeconfig={kubeconfig}")
        live.assert_one_line(ended, "forbidden")
    else:
        with live.program(kubeconfig, *FLAGS[parts], ready=False) as program:
            if parts == SHARING:
                _share(cluster, program, user)
            wait_until(lambda: _seen(program), what=f"{missing} is missed")

    _clear(cluster, user)
