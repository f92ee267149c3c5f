"""Pods and disruption budgets as the drainer sees them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from scheduler_feedback.tolerations import Toleration, read_tolerations

_MIRROR = "kubernetes.io/config.mirror"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """One pod on a node."""

    namespace: str
    name: str
    uid: str
    labels: Mapping[str, str]
    owner: str
    """Kind of the controller that would create it again; empty for a bare pod."""
    phase: str
    created: float = 0.0
    """Unix seconds."""
    ready: bool = False
    terminating: bool = False
    mirror: bool = False
    """A static pod's reflection: the kubelet owns it, the API cannot move it."""
    priority: int = 0
    tolerations: tuple[Toleration, ...] = ()

    @property
    def finished(self) -> bool:
        """Whether its containers have ended for good."""
        return self.phase in ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """One PodDisruptionBudget."""

    namespace: str
    name: str
    selector: Mapping[str, Any] | None
    allowed: int
    """Evictions that its status allows now."""
    stale: bool = False
    """Its status is older than its spec; the Eviction API refuses until it is not."""
    healthy: bool = True
    """It has as many healthy pods as it wants, so that broken ones may go."""
    always_allow: bool = False
    """Broken pods may go whatever the number of healthy ones."""

    def selects(self, pod: Pod) -> bool:
        """Whether this budget protects a pod; an empty selector selects its whole namespace."""
        if pod.namespace != self.namespace or self.selector is None:
            return False
        wanted = self.selector.get("matchLabels") or {}
        if any(pod.labels.get(key) != value for key, value in wanted.items()):
            return False
        return all(_meets(pod, want) for want in self.selector.get("matchExpressions") or ())

    def spends(self, pod: Pod) -> bool:
        """Whether evicting the pod takes one of the allowed evictions."""
        return pod.ready or not (self.always_allow or self.healthy)


def _meets(pod: Pod, want: Mapping[str, Any]) -> bool:
    value = pod.labels.get(want["key"])
    match want["operator"]:
        case "In":
            return value in want["values"]
        case "NotIn":
            return value not in want["values"]
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
    return True  # an operator we do not know: better a budget too many


def read_pod(pod: Mapping[str, Any]) -> Pod:
    """Return what matters of a Pod object."""
    meta, spec, status = pod["metadata"], pod.get("spec") or {}, pod.get("status") or {}
    owners = [o for o in meta.get("ownerReferences") or () if o.get("controller")]
    conditions = {c["type"]: c["status"] for c in status.get("conditions") or ()}
    return Pod(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=meta["uid"],
        labels=meta.get("labels") or {},
        owner=owners[0]["kind"] if owners else "",
        phase=status.get("phase", ""),
        created=datetime.fromisoformat(meta["creationTimestamp"]).timestamp(),
        ready=conditions.get("Ready") == "True",
        terminating=bool(meta.get("deletionTimestamp")),
        mirror=_MIRROR in (meta.get("annotations") or {}),
        priority=spec.get("priority") or 0,
        tolerations=read_tolerations(pod),
    )


def read_budget(budget: Mapping[str, Any]) -> Budget:
    """Return what matters of a PodDisruptionBudget object; without a status it allows nothing."""
    meta, spec, status = budget["metadata"], budget.get("spec") or {}, budget.get("status") or {}
    wanted = status.get("desiredHealthy", 0)
    return Budget(
        namespace=meta["namespace"],
        name=meta["name"],
        selector=spec.get("selector"),
        allowed=status.get("disruptionsAllowed", 0),
        stale=status.get("observedGeneration", 0) < meta.get("generation", 0),
        healthy=0 < wanted <= status.get("currentHealthy", 0),
        always_allow=spec.get("unhealthyPodEvictionPolicy") == "AlwaysAllow",
    )
