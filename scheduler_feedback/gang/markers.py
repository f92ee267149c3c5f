"""Which engine, other than our own controller, admits or places a pod, by the pod's own marks."""

from collections.abc import Mapping
from typing import Any

KUEUE, VOLCANO, UPSTREAM = "kueue", "volcano", "upstream"

KUEUE_WORKLOAD = "kueue.x-k8s.io/workload"
"""Annotation of a pod that Kueue has started: the name of its Workload."""

_KUEUE_LABELS = (
    "kueue.x-k8s.io/queue-name",
    "kueue.x-k8s.io/podset",
    "kueue.x-k8s.io/pod-group-name",
)
_KUEUE_TOPOLOGY_GATE = "kueue.x-k8s.io/topology"
_KUEUE_TOPOLOGY_LABEL = "kueue.x-k8s.io/tas"
_KUEUE_TOPOLOGY_NOTES = tuple(
    f"kueue.x-k8s.io/podset-{way}-topology" for way in ("required", "preferred", "unconstrained")
)
_VOLCANO_NOTES = ("scheduling.k8s.io/group-name", "scheduling.volcano.sh/queue-name")


def upstream_group(spec: Mapping[str, Any]) -> str:
    """Return the PodGroup that a pod names, of Kubernetes 1.36 (1.35: a Workload's); else empty.

    A kube-apiserver without the feature drops the field.
    """
    group = (spec.get("schedulingGroup") or {}).get("podGroupName")
    workload = spec.get("workloadRef") or {}
    parts = (workload.get("name"), workload.get("podGroup"), workload.get("podGroupReplicaKey"))
    return str(group or "/".join(part for part in parts if part))


def engine_of(pod: Mapping[str, Any]) -> str:
    """Return who admits a pod; empty where nobody but us does."""
    meta, spec = pod["metadata"], pod.get("spec") or {}
    labels, notes = meta.get("labels") or {}, meta.get("annotations") or {}
    if upstream_group(spec):
        return UPSTREAM
    if KUEUE_WORKLOAD in notes or any(label in labels for label in _KUEUE_LABELS):
        return KUEUE
    if spec.get("schedulerName") == VOLCANO or any(note in notes for note in _VOLCANO_NOTES):
        return VOLCANO
    return ""


def placed_by_kueue(pod: Mapping[str, Any]) -> bool:
    """Whether Kueue chooses the pod's topology domain, and pins it there itself."""
    meta, spec = pod["metadata"], pod.get("spec") or {}
    labels, notes = meta.get("labels") or {}, meta.get("annotations") or {}
    gates = [gate["name"] for gate in spec.get("schedulingGates") or ()]
    return (
        _KUEUE_TOPOLOGY_GATE in gates
        or _KUEUE_TOPOLOGY_LABEL in labels
        or any(note in notes for note in _KUEUE_TOPOLOGY_NOTES)
    )
