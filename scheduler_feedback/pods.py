"""Pods and disruption budgets as the drainer sees them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from catalog import wire
from program.durations import parse_duration
from program.selectors import meets
from scheduler_feedback.gang.markers import upstream_group
from scheduler_feedback.gang.pods import Member, read_alone, read_member
from scheduler_feedback.phase import ENDED
from scheduler_feedback.tolerations import Toleration, read_tolerations

_MIRROR = "kubernetes.io/config.mirror"
_INDEX_FAILURES = "batch.kubernetes.io/job-index-failure-count"

_GROUP_LABELS = ("scheduling.x-k8s.io/pod-group", "kueue.x-k8s.io/pod-group-name")
_GROUP_ANNOTATION = "scheduling.k8s.io/group-name"
"""Where the scheduler plugins, Kueue and Volcano say which group a pod belongs to."""


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
    node: str = ""
    gang: str = ""
    """Namespace and name of its gang, whoever's marker says so; empty for a pod on its own."""
    size: int = 0
    """How many pods its gang has; 0 where it does not say."""
    owner_name: str = ""
    asked: float | None = None
    """When it was asked to save its state, in Unix seconds; None where it was not."""
    saved: float | None = None
    """When it last said that it had."""
    patience: float = 0.0
    """Seconds it wants to be given for that; infinity where what it says makes no sense."""
    index_failures: int = 0
    """How often this index of its Job has failed."""
    placing: Member | None = None
    """What it asks of a node."""

    @property
    def finished(self) -> bool:
        """Whether its containers have ended for good."""
        return self.phase in ENDED


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
        told = self.selector.get("matchExpressions") or ()
        # An operator that is not known to us: better a budget too many.
        return all(meets(pod.labels, want, unknown=True) for want in told)

    def spends(self, pod: Pod) -> bool:
        """Whether evicting the pod takes one of the allowed evictions."""
        return pod.ready or not (self.always_allow or self.healthy)


def read_pod(pod: Mapping[str, Any], prefix: str = wire.PREFIX) -> Pod:
    """Return what matters of a Pod object."""
    meta, spec, status = pod["metadata"], pod.get("spec") or {}, pod.get("status") or {}
    notes = meta.get("annotations") or {}
    placing = read_member(pod, prefix) or read_alone(pod, prefix)
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
        mirror=_MIRROR in notes,
        priority=spec.get("priority") or 0,
        tolerations=read_tolerations(pod),
        node=spec.get("nodeName") or "",
        gang=gang_of(pod, prefix),
        size=placing.terms.size if placing.terms is not None else 0,
        owner_name=owners[0]["name"] if owners else "",
        asked=_moment(notes.get(wire.key(wire.DRAIN_REQUESTED, prefix))),
        saved=_moment(notes.get(wire.key(wire.CHECKPOINTED, prefix))),
        patience=_patience(notes.get(wire.key(wire.CHECKPOINT_DEADLINE, prefix))),
        index_failures=_whole(notes.get(_INDEX_FAILURES)),
        placing=placing,
    )


def gang_of(pod: Mapping[str, Any], prefix: str = wire.PREFIX) -> str:
    """Return namespace and name of the gang that a Pod object belongs to; empty for none.

    Our label, else the markers of upstream's PodGroup, the scheduler plugins, Kueue and Volcano.
    """
    meta = pod["metadata"]
    labels, notes = meta.get("labels") or {}, meta.get("annotations") or {}
    found = (
        labels.get(wire.key(wire.GANG, prefix)),
        upstream_group(pod.get("spec") or {}),
        *(labels.get(label) for label in _GROUP_LABELS),
        notes.get(_GROUP_ANNOTATION),
    )
    name = next((each for each in found if each), "")
    return f"{meta['namespace']}/{name}" if name else ""


def _moment(text: str | None) -> float | None:
    try:
        moment = datetime.fromisoformat(text) if text else None
        return moment.timestamp() if moment is not None and moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _patience(text: str | None) -> float:
    try:
        return parse_duration(text) if text else 0.0
    except ValueError:
        return math.inf  # it wants some: the drainer's own limit stands for it


def _whole(text: str | None) -> int:
    return int(text[:9]) if text and text.isascii() and text.isdigit() else 0


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
