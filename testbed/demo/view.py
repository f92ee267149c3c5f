"""What a user with kubectl would see and do in the demo's cluster."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes import client, config

NAMESPACE = "default"
SCHEDULER = "railwatch-scheduler"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A pod of the demo's workload."""

    name: str
    uid: str
    node: str
    running: bool


class View:
    """Reads nodes and pods; creates and scales the workload."""

    def __init__(self, kubeconfig: Path) -> None:
        """Speak to the cluster as its administrator."""
        made = config.new_client_from_config(str(kubeconfig))
        self._core = client.CoreV1Api(made)
        self._apps = client.AppsV1Api(made)

    def condition(self, node: str, kind: str) -> tuple[str, str]:
        """Return status and reason of a node condition, empty where there is none."""
        for condition in self._core.read_node(node).status.conditions or []:
            if condition.type == kind:
                return condition.status, condition.reason or ""
        return "", ""

    def taints(self, node: str, prefix: str) -> list[str]:
        """Return the node's taints whose key begins with `prefix`, as key=value:effect."""
        return [
            f"{taint.key}={taint.value}:{taint.effect}"
            for taint in self._core.read_node(node).spec.taints or []
            if taint.key.startswith(prefix)
        ]

    def annotation(self, node: str, key: str) -> str:
        """Return an annotation of a node, empty where it has none."""
        return str((self._core.read_node(node).metadata.annotations or {}).get(key, ""))

    def pods(self, app: str) -> list[Pod]:
        """Return the pods of a workload that are not being deleted."""
        found = self._core.list_namespaced_pod(NAMESPACE, label_selector=f"app={app}").items
        return [
            Pod(
                name=pod.metadata.name,
                uid=pod.metadata.uid,
                node=pod.spec.node_name or "",
                running=pod.status.phase == "Running",
            )
            for pod in found
            if pod.metadata.deletion_timestamp is None
        ]

    def scale(self, app: str, replicas: int) -> None:
        """Ask for another number of pods."""
        self._apps.patch_namespaced_deployment_scale(
            app, NAMESPACE, {"spec": {"replicas": replicas}}
        )

    def create_workload(self, app: str, replicas: int, gpus: int) -> None:
        """Create a Deployment whose pods take `gpus` GPUs each and our scheduler places."""
        self._apps.create_namespaced_deployment(NAMESPACE, _deployment(app, replicas, gpus))


def _deployment(app: str, replicas: int, gpus: int) -> dict[str, Any]:
    labels = {"app": app}
    resources = {"limits": {"nvidia.com/gpu": str(gpus)}, "requests": {"cpu": "1"}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": app, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "schedulerName": SCHEDULER,
                    "terminationGracePeriodSeconds": 1,
                    "containers": [{"name": "rank", "image": "train:1", "resources": resources}],
                },
            },
        },
    }
