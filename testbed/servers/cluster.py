"""A Kubernetes cluster without kubelets: what a test asks for of it, started together."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from testbed.api import Api, Object
from testbed.servers.apiserver import ApiServer
from testbed.servers.controllers import ControllerManager, Scheduler
from testbed.servers.etcd import Etcd
from testbed.servers.kwok import Kwok
from testbed.servers.server import Server
from testbed.waiting import wait_until

_NOT_READY = "node.kubernetes.io/not-ready"


class Cluster:
    """etcd and kube-apiserver, with the controllers, the scheduler and KWOK where asked for."""

    def __init__(
        self,
        *,
        kwok: bool = False,
        controller_manager: bool = False,
        scheduler: bool = False,
        played: Sequence[str] = (),
        logs: Path | None = None,
    ) -> None:
        """Prepare a cluster; `logs` is a folder to leave the servers' logs in.

        Pods of the namespaces in `played` are those of testbed.pods: KWOK leaves them alone, and
        all pods have service accounts' tokens.
        """
        self.etcd = Etcd(logs=logs)
        self.apiserver = ApiServer(self.etcd, accounts=bool(played), logs=logs)
        self.controller_manager = (
            ControllerManager(self.apiserver, logs=logs) if controller_manager else None
        )
        self.scheduler = Scheduler(self.apiserver, logs=logs) if scheduler else None
        self.kwok = Kwok(self.apiserver, spared=played, logs=logs) if kwok else None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.etcd)
            stack.enter_context(self.apiserver)
            rest = (self.controller_manager, self.scheduler, self.kwok)
            _enter_all(stack, [server for server in rest if server is not None])
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.apiserver.kubeconfig

    @property
    def url(self) -> str:
        """Where the API is served, with TLS only."""
        return self.apiserver.url

    @property
    def ca_file(self) -> Path:
        """The authority that signed the API server's certificate."""
        return self.apiserver.ca_file

    @property
    def api(self) -> Api:
        """The API as the administrator sees it."""
        return self.apiserver.api

    def kubeconfig_for(self, user: str, groups: Sequence[str] = ()) -> Path:
        """Return the kubeconfig of a user who has only what RBAC grants."""
        return self.apiserver.kubeconfig_for(user, groups)

    def apply(self, source: Path | Iterable[Mapping[str, Any]]) -> list[Object]:
        """Create or change the objects of a file, a folder or a list, as the administrator."""
        return self.api.apply(source)

    def add_nodes(
        self, names: Iterable[str], *, gpus: int = 8, labels: Mapping[str, str] | None = None
    ) -> None:
        """Register nodes with GPUs and a boot id each, and wait until they are Ready."""
        made = [node_object(name, gpus=gpus, labels=labels or {}) for name in names]
        for node in made:
            self.api.create(node)
        for node in made:
            self._await_ready(node["metadata"]["name"])

    def set_boot_id(self, node: str, boot_id: str) -> None:
        """Let a node tell another boot id, as its kubelet does after a reboot."""
        self.api.merge(
            f"/api/v1/nodes/{node}/status", {"status": {"nodeInfo": {"bootID": boot_id}}}
        )

    def node(self, name: str) -> Object:
        """Return a node."""
        return self.api.get(f"/api/v1/nodes/{name}")

    def _await_ready(self, name: str) -> None:
        """Wait until a node can be used, doing what no kubelet or controller is there to do."""
        if self.kwok is None:
            ready = {"type": "Ready", "status": "True", "reason": "Registered", "message": ""}
            self.api.merge_by_key(
                f"/api/v1/nodes/{name}/status", {"status": {"conditions": [ready]}}
            )
        if self.controller_manager is None:
            self.api.merge(f"/api/v1/nodes/{name}", {"spec": {"taints": None}})
        wait_until(lambda: is_ready(self.node(name)), what=f"node {name} is Ready")


def _enter_all(stack: ExitStack, servers: Sequence[Server]) -> None:
    """Start servers side by side; those that started are in the stack, whatever the others do."""
    if servers:
        with ThreadPoolExecutor(max_workers=len(servers)) as pool:
            list(pool.map(stack.enter_context, servers))


def node_object(name: str, *, gpus: int, labels: Mapping[str, str]) -> Object:
    """Return a node as its kubelet registers it: 128 CPUs, 2 TiB, GPUs by the device plugin."""
    holds = {"cpu": "128", "memory": "2Ti", "pods": "110", "nvidia.com/gpu": str(gpus)}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {"kubernetes.io/hostname": name, **labels},
            "annotations": {"kwok.x-k8s.io/node": "fake"},
        },
        "status": {
            "capacity": holds,
            "allocatable": holds,
            "nodeInfo": _node_info(boot_id=str(uuid.uuid4())),
        },
    }


def _node_info(*, boot_id: str) -> dict[str, str]:
    unknown = dict.fromkeys(
        ("machineID", "systemUUID", "kernelVersion", "osImage", "containerRuntimeVersion"), ""
    )
    versions = {"kubeletVersion": "", "kubeProxyVersion": ""}
    system = {"operatingSystem": "linux", "architecture": "amd64"}
    return {"bootID": boot_id, **unknown, **versions, **system}


def is_ready(node: Mapping[str, Any]) -> bool:
    """Whether a node is Ready and no taint says otherwise."""
    conditions = node["status"].get("conditions", ())
    said = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
    return said and all(taint["key"] != _NOT_READY for taint in node["spec"].get("taints", ()))
