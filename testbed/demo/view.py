"""What a user with kubectl would see and do in the demo's cluster."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from catalog.wire import GANG, GANG_SIZE, key
from testbed.api import Api, Object

SCHEDULER = "railwatch-scheduler"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A pod of the demo's workload."""

    name: str
    uid: str
    node: str
    running: bool


@dataclass(frozen=True, slots=True)
class View:
    """Reads nodes and pods; starts jobs."""

    api: Api

    def condition(self, node: str, kind: str) -> tuple[str, str]:
        """Return status and reason of a node condition, empty where there is none."""
        for condition in self._node(node)["status"].get("conditions", ()):
            if condition["type"] == kind:
                return condition["status"], condition.get("reason", "")
        return "", ""

    def taints(self, node: str, prefix: str) -> list[str]:
        """Return the node's taints whose key begins with `prefix`, as key=value:effect."""
        return [
            f"{taint['key']}={taint.get('value', '')}:{taint['effect']}"
            for taint in self._node(node)["spec"].get("taints", ())
            if taint["key"].startswith(prefix)
        ]

    def annotation(self, node: str, key: str) -> str:
        """Return an annotation of a node, empty where it has none."""
        return str(self._node(node)["metadata"].get("annotations", {}).get(key, ""))

    def pods(self, app: str) -> list[Pod]:
        """Return the pods of a workload that are not being deleted."""
        return list(self._pods(app))

    def start_job(self, app: str, ranks: int, gpus: int) -> None:
        """Create a Job that is a gang: so many ranks, each with `gpus` GPUs, or none at all."""
        self.api.create(_job(app, ranks, gpus))

    def start_pod(self, app: str, gpus: int, node: str = "") -> None:
        """Create a pod of this name; where a node is given, it will have no other."""
        self.api.create(_pod(app, gpus, {"kubernetes.io/hostname": node} if node else {}))

    def refusal(self, pod: str) -> str:
        """Return what kube-scheduler says of a pod that it cannot place, empty if it does not."""
        status = self.api.get(f"/api/v1/namespaces/default/pods/{pod}")["status"]
        for condition in status.get("conditions", ()):
            if condition["type"] == "PodScheduled" and condition["status"] == "False":
                return str(condition["message"]).partition(". ")[0]
        return ""

    def _node(self, name: str) -> Object:
        return self.api.get(f"/api/v1/nodes/{name}")

    def _pods(self, app: str) -> Iterator[Pod]:
        path = f"/api/v1/namespaces/default/pods?labelSelector=app%3D{app}"
        for pod in self.api.items(path):
            if "deletionTimestamp" not in pod["metadata"]:
                yield Pod(
                    name=pod["metadata"]["name"],
                    uid=pod["metadata"]["uid"],
                    node=pod["spec"].get("nodeName", ""),
                    running=pod["status"].get("phase") == "Running",
                )


def _container(gpus: int) -> Object:
    resources = {"limits": {"nvidia.com/gpu": str(gpus)}, "requests": {"cpu": "1"}}
    return {"name": "rank", "image": "train:1", "resources": resources}


def _pod(app: str, gpus: int, selector: Mapping[str, str]) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": app, "namespace": "default", "labels": {"app": app}},
        "spec": {
            "schedulerName": SCHEDULER,
            "nodeSelector": dict(selector),
            "containers": [_container(gpus)],
        },
    }


def _job(app: str, ranks: int, gpus: int) -> Object:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": app, "namespace": "default"},
        "spec": {
            "completions": ranks,
            "parallelism": ranks,
            "completionMode": "Indexed",
            "template": {
                "metadata": {
                    "labels": {"app": app, key(GANG): app},
                    "annotations": {key(GANG_SIZE): str(ranks)},
                },
                "spec": {
                    "schedulerName": SCHEDULER,
                    "schedulingGates": [{"name": key(GANG)}],
                    "restartPolicy": "Never",
                    "terminationGracePeriodSeconds": 1,
                    "containers": [_container(gpus)],
                },
            },
        },
    }
