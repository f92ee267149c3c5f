"""What the eviction of its pods does to a Job, and whether the drainer may suspend it. Pure.

A Job counts each evicted pod as a failure unless its podFailurePolicy ignores disruptions, and ends
for good once there were more than its backoffLimit. One that survives waits, policy or not, before
it makes new pods: 10 s, doubled with every pod that failed at once, at most 10 min; for a gang of
eight that is 10 min. Suspending it is the gentle way: its pods go, nothing is counted, and it
starts again the moment it is resumed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalog import wire
from scheduler_feedback.pods import Pod

_QUEUE = "kueue.x-k8s.io/queue-name"
_DEFAULT_BACKOFF = 6
_KILLED = (137, 143)
"""How containers that are told to end exit, where they do not end well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One Job."""

    namespace: str
    name: str
    uid: str
    version: str
    suspended: bool = False
    mark: str = ""
    """For what we have suspended it; empty where we have not."""
    stopped: bool = False
    """Suspended, and its pods are gone or on their way."""
    queued: bool = False
    """Kueue suspends and resumes it."""
    owner: str = ""
    """Kind and name of what controls it, which would undo what we do to it."""
    limit: int = _DEFAULT_BACKOFF
    per_index: int | None = None
    failed: int = 0
    active: int = 0
    rules: tuple[Mapping[str, Any], ...] = ()
    """Of its podFailurePolicy."""
    pods: int = 1
    """How many it starts at once when it is resumed."""
    template: Mapping[str, Any]

    @property
    def ignores_disruptions(self) -> bool:
        """Whether an evicted pod is no failure, by the first rule that matches it."""
        for rule in self.rules:
            matches = _matches(rule)
            if matches:
                return rule.get("action") == "Ignore" and matches == "disruption"
        return False

    def survives(self, pods: Sequence[Pod]) -> bool:
        """Whether it goes on after these pods of it are evicted."""
        if self.ignores_disruptions:
            return True
        if any(_forbids(rule) for rule in self.rules):
            return False
        if self.per_index is not None:
            return all(pod.index_failures < self.per_index for pod in pods)
        return self.failed + len(pods) < self.limit

    def objection(self, pods: Sequence[Pod]) -> str:
        """Return why the drainer may not suspend it in place of evicting these; empty if it may."""
        if self.queued:
            return f"and is Kueue's to suspend ({_QUEUE})"
        if self.owner:
            return f"and is {self.owner}'s to suspend"
        if self.active > len(pods):
            return f"and suspending it would stop {self.active - len(pods)} other pods"
        return ""

    @property
    def ends(self) -> str:
        """Say that it would not survive."""
        return f"Job {self.name} would end of it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspension:
    """A Job to be suspended in place of evicting its pods."""

    job: Job
    pods: tuple[Pod, ...]
    cause: str
    unit: str
    """What leaves together with them."""


def _matches(rule: Mapping[str, Any]) -> str:
    """Return by what a rule matches an evicted pod; empty where it does not."""
    conditions = rule.get("onPodConditions") or ()
    if any(c.get("type") == "DisruptionTarget" and c.get("status", "True") == "True"
           for c in conditions):  # fmt: skip
        return "disruption"
    codes = rule.get("onExitCodes")
    if not codes:
        return ""
    named = [code in (codes.get("values") or ()) for code in _KILLED]
    may = any(named) if codes.get("operator") == "In" else not all(named)
    return "exit code" if may else ""


def _forbids(rule: Mapping[str, Any]) -> bool:
    return bool(_matches(rule)) and rule.get("action") in ("FailJob", "FailIndex")


def _has_stopped(status: Mapping[str, Any]) -> bool:
    conditions = status.get("conditions") or ()
    return any(c.get("type") == "Suspended" and c.get("status") == "True" for c in conditions)


def read_job(job: Mapping[str, Any], prefix: str = wire.PREFIX) -> Job:
    """Return what matters of a Job object."""
    meta, spec, status = job["metadata"], job.get("spec") or {}, job.get("status") or {}
    labels = meta.get("labels") or {}
    owner = next((o for o in meta.get("ownerReferences") or () if o.get("controller")), None)
    limit = spec.get("backoffLimit")
    left = (spec.get("completions") or spec.get("parallelism") or 1) - (
        status.get("succeeded") or 0
    )
    return Job(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=meta["uid"],
        version=meta.get("resourceVersion", ""),
        suspended=bool(spec.get("suspend")),
        mark=labels.get(wire.key(wire.DRAIN_SUSPENDED, prefix), ""),
        stopped=not status.get("active") and _has_stopped(status),
        queued=_QUEUE in labels,
        owner=f"{owner['kind']} {owner['name']}" if owner else "",
        limit=_DEFAULT_BACKOFF if limit is None else limit,
        per_index=spec.get("backoffLimitPerIndex"),
        failed=status.get("failed") or 0,
        active=status.get("active") or 0,
        rules=tuple((spec.get("podFailurePolicy") or {}).get("rules") or ()),
        pods=max(1, min(spec.get("parallelism") or 1, left)),
        template=spec.get("template") or {},
    )
