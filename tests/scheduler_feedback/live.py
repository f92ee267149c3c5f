"""The program and its kube-scheduler on a real cluster, as deploy/ describes them."""

import json
import subprocess
import sys
import time
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
from testbed.api import read_objects
from testbed.ports import free_port
from testbed.processes import Process
from testbed.servers import Cluster, Scheduler
from testbed.waiting import wait_until

DEPLOY = Path(__file__).parents[2] / "deploy"
ACCOUNT = "system:serviceaccount:railwatch:railwatch-scheduler"
_OWN = ("extender", "drainer", "gangs", "share", "queues", "reclaim", "publisher", "alignment")
PROGRAM_USER = "railwatch-scheduler"
"""Has the extender's and the drainer's rights, without those of the kube-scheduler beside them."""

_HTTP = urllib3.PoolManager(retries=False, timeout=5.0)


def deploy_rbac(cluster: Cluster) -> None:
    """Apply deploy/'s RBAC as it is, and bind what is the program's own to PROGRAM_USER too."""
    cluster.apply(DEPLOY / "namespace.yaml")
    objects = read_objects(DEPLOY / "scheduler" / "rbac.yaml")
    cluster.apply(objects)
    own = [o for o in objects if _component(o) in _OWN]
    subject = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": PROGRAM_USER}
    for binding in (o for o in own if "subjects" in o):
        metadata = {**binding["metadata"], "name": f"{binding['metadata']['name']}-test"}
        cluster.apply([{**binding, "metadata": metadata, "subjects": [subject]}])


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
    """Run railwatch-scheduler with a user's rights."""
    port = port or free_port()
    argv = [
        *(sys.executable, "-m", "scheduler_feedback", f"--kubeconfig={kubeconfig}"),
        f"--web.listen-address=127.0.0.1:{port}",
        *flags,
    ]
    with Process(argv, name="railwatch-scheduler") as process:
        made = Program(process=process, port=port)
        process.await_ready(made.is_ready if ready else made.answers)
        yield made


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


def run(*argv: str) -> subprocess.CompletedProcess[str]:
    """Run railwatch-scheduler to its end."""
    command = [sys.executable, "-m", "scheduler_feedback", *argv]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def assert_one_line(ended: subprocess.CompletedProcess[str], says: str) -> None:
    """Assert that a program ended with one line of error that says so."""
    assert ended.returncode != 0
    assert says in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert ended.stderr.startswith("railwatch-scheduler: error: ")


@contextmanager
def kube_scheduler(cluster: Cluster, extender_port: int, **extender: Any) -> Iterator[Scheduler]:
    """Run the stock kube-scheduler with deploy/'s configuration, account and all."""
    file = DEPLOY / "scheduler" / "kube-scheduler-config.yaml"
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    for entry in document["extenders"]:
        entry |= {"urlPrefix": f"http://127.0.0.1:{extender_port}", **extender}
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


def unschedulable(cluster: Cluster, name: str) -> str:
    """Wait until a pod was found no place for; return what its condition says."""

    def said() -> str:
        found = cluster.api.get(f"/api/v1/namespaces/default/pods/{name}")
        conditions = found["status"].get("conditions", [])
        told = [c for c in conditions if c["type"] == "PodScheduled" and c["status"] == "False"]
        return str(told[0]["message"]) if told else ""

    return wait_until(said, what=f"{name} is unschedulable")


def events(cluster: Cluster, reason: str, involved: str) -> list[dict[str, Any]]:
    """Return the Events of one reason about the object of a name."""
    found = cluster.api.items("/api/v1/namespaces/default/events")
    return [e for e in found if (e["reason"], e["involvedObject"]["name"]) == (reason, involved)]


def holds_for(seconds: float, check: Any) -> bool:
    """Whether a check stays true for so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not check():
            return False
        time.sleep(0.1)
    return True
