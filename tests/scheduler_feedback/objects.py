"""Objects as the kube-apiserver's JSON has them, with just what a test is about."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from catalog.wire import DeviceFault, dump_devices
from program.web import Request

GPU_UNAVAILABLE = "railwatch.io/gpu-unavailable"
LINK_DEGRADED = "railwatch.io/rdma-link-degraded"


def taint(key: str, value: str, effect: str = "NoSchedule") -> dict[str, str]:
    return {"key": key, "value": value, "effect": effect}


def fault(
    verdict: str = "drain",
    action: str = "applied",
    device: str = "GPU-1",
    condition: str = "GpuUnavailable",
    since: str = "2026-11-01T00:00:00Z",
) -> DeviceFault:
    return DeviceFault(
        device=device,
        name="gpu-1",
        condition=condition,
        verdict=verdict,
        action=action,
        fault="GpuFellOffBus",
        since=since,
    )


def node(  # noqa: PLR0913 - a node's parts, all but the name by keyword
    name: str = "gpu-1",
    *,
    taints: Sequence[Mapping[str, str]] = (),
    faults: Sequence[DeviceFault] = (),
    devices: str | None = None,
    annotations: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    conditions: Mapping[str, str] | None = None,
    boot_id: str = "boot-1",
) -> dict[str, Any]:
    notes = dict(annotations or {})
    if faults or devices is not None:
        notes["railwatch.io/devices"] = dump_devices(faults) if devices is None else devices
    stated = [{"type": t, "status": s} for t, s in (conditions or {}).items()]
    return {
        "metadata": {
            "name": name,
            "uid": f"uid-{name}",
            "resourceVersion": "7",
            "annotations": notes,
            "labels": dict(labels or {}),
        },
        "spec": {"taints": list(taints)} if taints else {},
        "status": {"conditions": stated, "nodeInfo": {"bootID": boot_id}},
    }


def drained_node(name: str = "gpu-1") -> dict[str, Any]:
    return node(name, taints=[taint(GPU_UNAVAILABLE, "drain")], faults=[fault("drain")])


def pod(  # noqa: PLR0913 - a pod's parts, all but the name by keyword
    name: str = "rank-0",
    *,
    namespace: str = "default",
    labels: Mapping[str, str] | None = None,
    owner: str = "ReplicaSet",
    phase: str = "Running",
    ready: bool = True,
    terminating: bool = False,
    mirror: bool = False,
    priority: int = 0,
    tolerations: Sequence[Mapping[str, str]] = (),
    created: str = "2026-10-31T00:00:00Z",
) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "creationTimestamp": created,
        "namespace": namespace,
        "name": name,
        "uid": f"uid-{namespace}-{name}",
        "labels": dict(labels or {}),
    }
    if owner:
        metadata["ownerReferences"] = [{"kind": owner, "name": "owner", "controller": True}]
    if terminating:
        metadata["deletionTimestamp"] = "2026-11-01T00:00:00Z"
    if mirror:
        metadata["annotations"] = {"kubernetes.io/config.mirror": "abc"}
    return {
        "metadata": metadata,
        "spec": {"priority": priority, "tolerations": list(tolerations)},
        "status": {
            "phase": phase,
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        },
    }


def budget(  # noqa: PLR0913 - a budget's parts, all but the name by keyword
    name: str = "web",
    *,
    namespace: str = "default",
    selector: Mapping[str, Any] | None = None,
    allowed: int = 0,
    generation: int = 1,
    observed: int = 1,
    healthy: int = 2,
    wanted: int = 2,
    policy: str | None = None,
) -> dict[str, Any]:
    spec: dict[str, Any] = {"selector": selector}
    if policy:
        spec["unhealthyPodEvictionPolicy"] = policy
    return {
        "metadata": {"namespace": namespace, "name": name, "generation": generation},
        "spec": spec,
        "status": {
            "disruptionsAllowed": allowed,
            "observedGeneration": observed,
            "currentHealthy": healthy,
            "desiredHealthy": wanted,
        },
    }


def request(body: bytes, *, too_large: bool = False) -> Request:
    return Request(
        method="POST", path="/filter", query={}, headers={}, body=body, too_large=too_large
    )


def asked(document: Any) -> Request:
    return request(json.dumps(document).encode())
