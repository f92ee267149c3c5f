"""The cluster that docs/scheduler.md asks about: ten nodes, what runs there, and two faults."""

from collections.abc import Iterator, Mapping
from typing import Any

from catalog.wire import DeviceFault, dump_devices
from testbed.api import Api, Object
from testbed.servers.cluster import node_object

GANG = {"railwatch.io/gang": "train"}
LOST = DeviceFault(
    device="GPU-8f3b1c2e",
    name="GPU 3",
    condition="GpuUnavailable",
    verdict="drain",
    action="applied",
    fault="GpuFellOffBus",
    since="2026-11-01T09:30:00Z",
)
FLAPS = DeviceFault(
    device="946dae0300a1b2c4",
    name="mlx5_2/1",
    condition="RdmaLinkDegraded",
    verdict="avoid",
    action="applied",
    fault="RdmaLinkFlapping",
    since="2026-11-01T08:00:00Z",
)
FAULTY = {
    "gpu-0": (LOST, ("gpu-unavailable", "NoSchedule")),
    "gpu-1": (FLAPS, ("rdma-link-degraded", "PreferNoSchedule")),
}
WAITS = "0/10 nodes are available: 1 node(s) had untolerated taint(s), 9 Insufficient cpu."


def build(api: Api) -> None:
    """Make namespace, nodes and pods; no controller and no kubelet need run."""
    api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ml"}})
    for number in range(10):
        node = _node(f"gpu-{number}", "leased" if number == 9 else "own")
        api.create(node)
        # In the place of what the API server gives every new node: not ready.
        api.merge(f"/api/v1/nodes/gpu-{number}", {"spec": node["spec"]})
    for item in _owners():
        owner = api.create(item)
        for pod in _pods_of(owner):
            _run(api, pod)
    _run(api, _pod("notebook-0", "gpu-6", 8))
    greedy = _pod("tune-0", "", 4)
    greedy["spec"]["containers"][0]["resources"]["requests"] = {"cpu": "200"}
    api.create(greedy)
    _say(api, "tune-0", WAITS)
    budget = {"disruptionsAllowed": 0, "currentHealthy": 1, "desiredHealthy": 1, "expectedPods": 1}
    api.merge(
        "/apis/policy/v1/namespaces/ml/poddisruptionbudgets/web/status",
        {"status": {**budget, "observedGeneration": 1}},
    )


def _node(name: str, pool: str) -> Object:
    made = node_object(name, gpus=8, labels={"pool": pool})
    made["status"]["conditions"] = [
        {"type": "Ready", "status": "True", "reason": "", "message": ""}
    ]
    made["spec"] = {"taints": []}
    if name in FAULTY:
        fault, (key, effect) = FAULTY[name]
        made["metadata"]["annotations"]["railwatch.io/devices"] = dump_devices([fault])
        taint = {"key": f"railwatch.io/{key}", "value": fault.verdict, "effect": effect}
        made["spec"] = {"taints": [taint]}
    return made


def _owners() -> Iterator[Object]:
    for name, ranks in (("train", 4), ("eval", 1)):
        spec = {"completions": ranks, "parallelism": ranks, "backoffLimit": 20}
        yield _object("batch/v1", "Job", name, {**spec, "template": _template(name, gpus=8)})
    selector = {"selector": {"matchLabels": {"app": "web"}}}
    yield _object("policy/v1", "PodDisruptionBudget", "web", {"maxUnavailable": 0, **selector})
    template = {"template": _template("web", gpus=2)}
    yield _object("apps/v1", "ReplicaSet", "web-5d9", {"replicas": 1, **selector, **template})
    watch = {"selector": {"matchLabels": {"app": "exporter"}}}
    yield _object("apps/v1", "DaemonSet", "exporter", {**watch, "template": _template("exporter")})


PLACES = {
    "train": [
        ("train-0", "gpu-2"),
        ("train-1", "gpu-3"),
        ("train-2", "gpu-4"),
        ("train-3", "gpu-5"),
    ],
    "eval": [("eval-0", "gpu-7")],
    "web-5d9": [("web-5d9-x7k2p", "gpu-7")],
    "exporter": [("exporter-h9c4d", "gpu-7")],
}
GPUS = {"train": 8, "eval": 2, "web-5d9": 2}


def _pods_of(owner: Object) -> Iterator[Object]:
    name, kind = owner["metadata"]["name"], owner["kind"]
    if kind == "PodDisruptionBudget":
        return
    for pod, node in PLACES[name]:
        made = _pod(pod, node, GPUS.get(name, 0), app=name.removesuffix("-5d9"))
        made["metadata"]["ownerReferences"] = [
            {
                "apiVersion": owner["apiVersion"],
                "kind": kind,
                "name": name,
                "uid": owner["metadata"]["uid"],
                "controller": True,
            }
        ]
        if name == "train":
            made["metadata"]["labels"] |= GANG
            made["metadata"]["annotations"] = {"railwatch.io/gang-size": "4"}
        yield made


def _object(version: str, kind: str, name: str, spec: Mapping[str, Any]) -> Object:
    meta = {"name": name, "namespace": "ml"}
    return {"apiVersion": version, "kind": kind, "metadata": meta, "spec": dict(spec)}


def _template(app: str, gpus: int = 0) -> Object:
    return {"metadata": {"labels": {"app": app}}, "spec": {**_spec(gpus), **_ends(app)}}


def _ends(app: str) -> Object:
    return {"restartPolicy": "Never"} if app in ("train", "eval") else {}


def _spec(gpus: int) -> Object:
    resources = {"limits": {"nvidia.com/gpu": str(gpus)}} if gpus else {}
    return {
        "schedulerName": "railwatch-scheduler",
        "containers": [{"name": "main", "image": "app:1", "resources": resources}],
    }


def _pod(name: str, node: str, gpus: int, app: str = "") -> Object:
    made = _object("v1", "Pod", name, _spec(gpus) | ({"nodeName": node} if node else {}))
    made["metadata"]["labels"] = {"app": app or name}
    return made


def _run(api: Api, pod: Object) -> None:
    api.create(pod)
    ready = {"type": "Ready", "status": "True"}
    _status(api, pod["metadata"]["name"], {"phase": "Running", "conditions": [ready]})


def _say(api: Api, pod: str, message: str) -> None:
    said = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    _status(api, pod, {"conditions": [{**said, "message": message}]})


def _status(api: Api, pod: str, status: Object) -> None:
    api.merge_by_key(f"/api/v1/namespaces/ml/pods/{pod}/status", {"status": status})
