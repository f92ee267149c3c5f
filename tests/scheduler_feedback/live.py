"""The program and its kube-scheduler on a real cluster, as deploy/ describes them."""

import itertools
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3
import yaml
from prometheus_client.parser import text_string_to_metric_families

from catalog.wire import DeviceFault, dump_devices
from scheduler_feedback.health import NodeHealth, assess
from scheduler_feedback.score import score
from testbed.api import ApiError, read_objects
from testbed.processes import Process
from testbed.servers import Cluster, Scheduler
from testbed.waiting import PATIENCE, wait_until

DEPLOY = Path(__file__).parents[2] / "deploy"
ACCOUNT = "system:serviceaccount:railwatch:railwatch-scheduler"
_OWN = ("extender", "drainer", "gangs", "share", "queues", "reclaim", "publisher", "alignment")
PROGRAM_USER = "railwatch-scheduler"
"""Has the extender's and the drainer's rights, without those of the kube-scheduler beside them."""

LONG_LEASE = "--lease.duration=30s"
"""A program alone needs no short one: it would lose that whenever the machine stalls."""
_PATIENT = {"httpTimeout": f"{PATIENCE:g}s"}
"""kube-scheduler goes on without an extender that has not answered within a second, as deploy/ has
it; where a test is about the answer, a busy machine may take longer."""

_HTTP = urllib3.PoolManager(retries=False, timeout=PATIENCE, headers={"Connection": "close"})
"""Connections are not kept: the program closes an idle one, perhaps just as it is used again."""
_NUMBERS = itertools.count()


def deploy_rbac(cluster: Cluster) -> None:
    """Apply deploy/'s RBAC as it is, and bind what is the program's own to PROGRAM_USER too.

    Returns once the kube-apiserver goes by it.
    """
    cluster.apply(DEPLOY / "namespace.yaml")
    objects = read_objects(DEPLOY / "scheduler" / "rbac.yaml")
    cluster.apply(objects)
    own = [o for o in objects if _component(o) in _OWN]
    subject = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": PROGRAM_USER}
    for binding in (o for o in own if "subjects" in o):
        metadata = {**binding["metadata"], "name": f"{binding['metadata']['name']}-test"}
        cluster.apply([{**binding, "metadata": metadata, "subjects": [subject]}])
    granted = [
        (role["metadata"].get("namespace", ""), rule)
        for role in own
        for rule in role.get("rules", ())
    ]
    for user in (PROGRAM_USER, ACCOUNT):
        for namespace, rule in granted:
            wait_until(
                lambda at=(user, rule, namespace): may(cluster, *at),  # type: ignore[misc] # each its own
                what=f"{user} may {rule}",
            )


def may(
    cluster: Cluster, user: str, rule: Mapping[str, Sequence[str]], namespace: str = ""
) -> bool:
    """Whether the authoriser has heard of a role's rule by now, which it hears of as a whole."""
    resource, _, subresource = rule["resources"][-1].partition("/")
    attributes = {
        "group": rule["apiGroups"][0],
        "resource": resource,
        "subresource": subresource,
        "verb": rule["verbs"][-1],
        "namespace": namespace,
        "name": rule.get("resourceNames", [""])[0],
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "metadata": {},
        "spec": {"user": user, "resourceAttributes": attributes},
    }
    return bool(cluster.api.create(review)["status"]["allowed"])


def await_served(cluster: Cluster, *collections: str) -> None:
    """Wait until collections such as /apis/GROUP/VERSION/RESOURCE are served and told of.

    The kube-apiserver serves a kind that was just defined, lists it among its group's and lists
    the group each at its own time, and the program asks for all three.
    """
    for path in collections:
        wait_until(lambda path=path: _is_served(cluster, path), what=f"{path} is served")  # type: ignore[misc] # each its own


def _is_served(cluster: Cluster, path: str) -> bool:
    version, _, resource = path.rpartition("/")
    group = version.removeprefix("/apis/").partition("/")[0]
    try:
        cluster.api.items(path)
        named = {each["name"] for each in cluster.api.get(version)["resources"]}
        groups = {each["name"] for each in cluster.api.get("/apis")["groups"]}
    except ApiError:
        return False
    return resource in named and group in groups


def _component(item: Mapping[str, Any]) -> str:
    return str(item["metadata"].get("labels", {}).get("app.kubernetes.io/component", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A running railwatch-scheduler."""

    process: Process
    port: int

    def get(self, path: str) -> tuple[int, str]:
        """Return status and body; OSError where nobody listens."""
        try:
            answer = _HTTP.request("GET", f"http://127.0.0.1:{self.port}{path}")
        except urllib3.exceptions.HTTPError as error:
            raise ConnectionError(str(error)) from None
        return answer.status, answer.data.decode()

    def metric(self, name: str, **labels: str) -> float | None:
        """Return the value of one sample of `/metrics`."""
        for family in text_string_to_metric_families(self.get("/metrics")[1]):
            for sample in family.samples:
                if sample.name == name and sample.labels == labels:
                    return float(sample.value)
        return None

    def ask(self, verb: str, *names: str) -> Any:
        """Return the extender's answer about some nodes, as kube-scheduler would get it."""
        arguments = {"Pod": {"metadata": {"name": "asked"}}, "Nodes": None, "NodeNames": names}
        status, text = self.post(verb, json.dumps(arguments).encode())
        assert status == 200, text
        return json.loads(text)

    def post(self, verb: str, body: bytes) -> tuple[int, str]:
        """Return status and body of an answer of the extender."""
        answer = _HTTP.request("POST", f"http://127.0.0.1:{self.port}/{verb}", body=body)
        return answer.status, answer.data.decode()

    def said(self, *words: str) -> list[str]:
        """Return which of these words are in its log."""
        log = self.process.log.read_text(encoding="utf-8")
        return [each for each in words if each in log]

    def is_ready(self) -> bool:
        """Whether it says that it can do its work."""
        try:
            return self.get("/readyz")[0] == 200
        except OSError:
            return False

    def answers(self) -> bool:
        """Whether it serves at all."""
        try:
            return self.get("/healthz")[0] == 200
        except OSError:
            return False


@contextmanager
def program(kubeconfig: Path, *flags: str, port: int = 0, ready: bool = True) -> Iterator[Program]:
    """Run railwatch-scheduler with a user's rights, by default on a port that it finds itself."""
    argv = [
        *(sys.executable, "-m", "scheduler_feedback", f"--kubeconfig={kubeconfig}"),
        f"--web.listen-address=127.0.0.1:{port}",
        *flags,
    ]
    with Process(argv, name="railwatch-scheduler") as process:
        process.await_ready(lambda: bool(_listens_at(process)))
        made = Program(process=process, port=_listens_at(process))
        process.await_ready(made.is_ready if ready else made.answers)
        yield made


def _listens_at(process: Process) -> int:
    """Return the port that a program says it listens at; 0 before it does."""
    log = process.log.read_text(encoding="utf-8")
    found = re.search(r"msg=listening url=http://127\.0\.0\.1:(\d+)\n", log)
    return int(found[1]) if found else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A cluster in which railwatch-scheduler places pods."""

    cluster: Cluster
    program: Program

    def add_nodes(self, pool: str, *names: str) -> None:
        self.cluster.add_nodes(names, labels={"pool": pool})

    def tell(
        self, node: str, taints: Sequence[dict[str, str]] = (), faults: Sequence[DeviceFault] = ()
    ) -> None:
        """Write on a node what the bridge would write, and wait until the program has seen it."""
        devices = dump_devices(faults) if faults else None
        change = {
            "metadata": {"annotations": {"railwatch.io/devices": devices}},
            "spec": {"taints": list(taints)},
        }
        self.cluster.api.merge(f"/api/v1/nodes/{node}", change)
        told = assess(self.cluster.node(node))
        wait_until(lambda: self._knows(told), what=f"the program knows {told}")

    def _knows(self, told: NodeHealth) -> bool:
        refused = {r.reason for r in told.refusals[:1]}
        ranked = self.program.ask("prioritize", told.name)[0]["Score"]
        answer = self.program.ask("filter", told.name)
        refusals = answer["FailedAndUnresolvableNodes"]
        return set(refusals.values()) == refused and ranked == score(told.grade)

    def await_nodes(self) -> None:
        """Return once extender, gang controller and kube-scheduler know the nodes as they are now.

        Each hears of nodes in the order of their changes: who knows the newest knows the others.
        """
        newest = f"newest-{next(_NUMBERS)}"
        self.add_nodes(newest, newest)
        self.tell(newest)
        pod = bare_pod(newest, newest, gpus=0)
        pod["metadata"]["annotations"] = {"railwatch.io/gang-size": "1"}
        pod["metadata"]["labels"]["railwatch.io/gang"] = newest
        pod["spec"]["schedulingGates"] = [_GATE]
        self.cluster.api.create(pod)
        await_places(self.cluster, newest, [newest])
        self.cluster.api.delete(f"{_PODS}/{newest}?gracePeriodSeconds=0")

    def await_drainer(self) -> None:
        """Return once the drainer has looked at all that is there now, and done what it wants.

        A round that finds another node than the one before has begun after that one's end.
        """
        node, drained = f"hands-off-{next(_NUMBERS)}", {"key": "railwatch.io/x", "value": "drain"}
        self.cluster.add_nodes([node], labels={"railwatch.io/managed": "false"})
        self.tell(node, [{**drained, "effect": "NoSchedule"}])
        self._await_unmanaged(1)
        self.tell(node)
        self._await_unmanaged(0)

    def _await_unmanaged(self, count: int) -> None:
        name = "railwatch_scheduler_drain_nodes"
        wait_until(
            lambda: self.program.metric(name, state="unmanaged") == count,
            what=f"the drainer finds {count} nodes that it may not touch",
        )

    def await_planner(self) -> None:
        """Return once the gang controller has planned with all pods that are there now."""
        name = f"elsewhere-{next(_NUMBERS)}"
        pod = bare_pod(name, name)
        pod["metadata"]["annotations"] = {"railwatch.io/gang-size": "1"}
        pod["metadata"]["labels"]["railwatch.io/gang"] = name
        pod["spec"]["schedulingGates"] = [_GATE, {"name": "example.com/another"}]
        self.cluster.api.create(pod)
        self._await_foreign(1)
        self.cluster.api.delete(f"{_PODS}/{name}?gracePeriodSeconds=0")
        self._await_foreign(0)

    def _await_foreign(self, count: int) -> None:
        name = "railwatch_scheduler_gangs_waiting"
        wait_until(
            lambda: self.program.metric(name, reason="foreign_gate") == count,
            what=f"the gang controller finds {count} gangs behind a gate of others",
        )


_GATE = {"name": "railwatch.io/gang"}
_PODS = "/api/v1/namespaces/default/pods"


def run(*argv: str) -> subprocess.CompletedProcess[str]:
    """Run railwatch-scheduler to its end."""
    command = [sys.executable, "-m", "scheduler_feedback", *argv]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=2 * PATIENCE, check=False
    )


def assert_one_line(ended: subprocess.CompletedProcess[str], says: str) -> None:
    """Assert that a program ended with one line of error that says so."""
    assert ended.returncode != 0
    assert says in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert ended.stderr.startswith("railwatch-scheduler: error: ")


@contextmanager
def kube_scheduler(
    cluster: Cluster, extender_port: int, *, patient: bool = True, **extender: Any
) -> Iterator[Scheduler]:
    """Run the stock kube-scheduler with deploy/'s configuration, account and all.

    A patient one waits for the extender for as long as any test would.
    """
    extender = {"urlPrefix": f"http://127.0.0.1:{extender_port}", **extender}
    file = DEPLOY / "scheduler" / "kube-scheduler-config.yaml"
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    for entry in document["extenders"]:
        entry |= {**(_PATIENT if patient else {}), **extender}
    document["clientConnection"] = {"kubeconfig": str(cluster.kubeconfig_for(ACCOUNT))}
    with Scheduler(cluster.apiserver, config=yaml.safe_dump(document)) as scheduler:
        yield scheduler


def template(pool: str, labels: Mapping[str, str], gpus: int = 8) -> dict[str, Any]:
    """Return a pod template for the nodes of one test."""
    limits = {"limits": {"nvidia.com/gpu": str(gpus)}} if gpus else {}
    return {
        "metadata": {"labels": dict(labels)},
        "spec": {
            "schedulerName": "railwatch-scheduler",
            "nodeSelector": {"pool": pool},
            "terminationGracePeriodSeconds": 0,
            "containers": [{"name": "rank", "image": "train:1", "resources": limits}],
        },
    }


def bare_pod(name: str, pool: str, gpus: int = 8, *, priority: str = "") -> dict[str, Any]:
    """Return a pod without a controller, of a PriorityClass."""
    made = template(pool, {"app": name}, gpus)
    made["spec"] |= {"priorityClassName": priority} if priority else {}
    made["metadata"] |= {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "Pod", **made}


def add_sharing_nodes(cluster: Cluster, pool: str, *names: str, gpus: int = 2) -> None:
    """Add nodes with GPUs of 80,000 MiB that pods may share."""
    cluster.add_nodes(names, labels={"pool": pool})
    shares = {
        "railwatch.io/gpu-milli": str(1000 * gpus),
        "railwatch.io/gpu-memory-mib": str(80_000 * gpus),
    }
    for name in names:
        path = f"/api/v1/nodes/{name}/status"
        cluster.api.merge(path, {"status": {"allocatable": shares, "capacity": shares}})


def sharing_pod(name: str, pool: str, milli: int, memory: int = 1000) -> dict[str, Any]:
    """Return a pod that asks for shares of GPUs."""
    made = bare_pod(name, pool, gpus=0)
    limits = {"railwatch.io/gpu-milli": str(milli), "railwatch.io/gpu-memory-mib": str(memory)}
    made["spec"]["containers"][0]["resources"] = {"limits": limits}
    return made


def workload(
    kind: str, name: str, pool: str, *, replicas: int = 1, gpus: int = 8
) -> dict[str, Any]:
    """Return a Deployment or a DaemonSet."""
    spec: dict[str, Any] = {
        "selector": {"matchLabels": {"app": name}},
        "template": template(pool, {"app": name}, gpus),
    }
    if kind == "Deployment":
        spec["replicas"] = replicas
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec}


def disruption_budget(name: str, *, unavailable: int) -> dict[str, Any]:
    """Return a PodDisruptionBudget over one workload."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "maxUnavailable": unavailable,
            "selector": {"matchLabels": {"app": name}},
        },
    }


def pods(cluster: Cluster, app: str) -> list[dict[str, Any]]:
    """Return the pods of a workload that are not being deleted."""
    path = f"/api/v1/namespaces/default/pods?labelSelector=app%3D{app}"
    return [p for p in cluster.api.items(path) if "deletionTimestamp" not in p["metadata"]]


def places(cluster: Cluster, app: str) -> list[str]:
    """Return the nodes that a workload's pods run on."""
    running = [p for p in pods(cluster, app) if p["status"].get("phase") == "Running"]
    return sorted(p["spec"]["nodeName"] for p in running)


def await_places(cluster: Cluster, app: str, nodes: Sequence[str]) -> None:
    """Wait until a workload's pods run on just these nodes."""
    wait_until(
        lambda: places(cluster, app) == sorted(nodes),
        what=f"{app} on {nodes}, is on {places(cluster, app)}",
    )


def await_unschedulable(cluster: Cluster, name: str, words: str) -> dict[str, Any]:
    """Wait until a pod was found no place for, for a reason in these words; return its status."""
    path = f"/api/v1/namespaces/default/pods/{name}"
    said = {""}

    def status() -> dict[str, Any] | None:
        found: dict[str, Any] = cluster.api.get(path)["status"]
        for each in found.get("conditions", []):
            if each["type"] == "PodScheduled" and each["status"] == "False":
                said.add(each["message"])
                if words in each["message"]:
                    return found
        return None

    try:
        return wait_until(status)
    except TimeoutError:
        raise AssertionError(f"{name} is not unschedulable for {words!r}: {said - {''}}") from None


def events(cluster: Cluster, reason: str, involved: str) -> list[dict[str, Any]]:
    """Return the Events of one reason about the object of a name."""
    found = cluster.api.items("/api/v1/namespaces/default/events")
    return [e for e in found if (e["reason"], e["involvedObject"]["name"]) == (reason, involved)]


def await_event(cluster: Cluster, reason: str, involved: str, words: str) -> None:
    """Wait until an Event of one reason about the object of a name says so."""
    wait_until(
        lambda: any(words in each["message"] for each in events(cluster, reason, involved)),
        what=f"{reason} of {involved}: {words}",
    )


def add_priorities(cluster: Cluster, priorities: Mapping[str, int]) -> None:
    """Create PriorityClasses, and wait until pods may have them."""
    for name, value in priorities.items():
        made = {"kind": "PriorityClass", "metadata": {"name": name}, "value": value}
        cluster.api.create({"apiVersion": "scheduling.k8s.io/v1", **made})
        wait_until(lambda name=name: _may_have(cluster, name), what=f"priority {name}")  # type: ignore[misc] # each its own


def _may_have(cluster: Cluster, priority: str) -> bool:
    try:
        cluster.api.post(f"{_PODS}?dryRun=All", bare_pod("probe", "", priority=priority))
    except ApiError:
        return False
    return True
