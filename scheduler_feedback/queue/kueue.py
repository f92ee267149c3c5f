"""Kueue's queues as their status tells them: v1beta1 and v1beta2 alike.

Of a ClusterQueue the flavours are summed: who waits for a quota waits for whichever has some left.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from catalog.scheduler_queue import AWAITS_ENGINE, KUEUE_CLUSTER, KUEUE_LOCAL
from scheduler_feedback.queue.told import Told, accelerators, add

GROUP = "kueue.x-k8s.io"


def cluster_queue(found: Mapping[str, Any]) -> Told:
    """Return what a ClusterQueue tells."""
    spec, status = found.get("spec") or {}, found.get("status") or {}
    quotas = [
        resource
        for group in spec.get("resourceGroups") or ()
        for flavor in group.get("flavors") or ()
        for resource in flavor.get("resources") or ()
    ]
    alone = not (spec.get("cohortName") or spec.get("cohort"))
    nominal = _sum(quotas, "nominalQuota")
    usage = _usage(status.get("flavorsUsage"))
    return Told(
        kind=KUEUE_CLUSTER,
        queue=found["metadata"]["name"],
        guaranteed=nominal,
        limit=_limits(nominal, quotas, alone=alone),
        borrowable={} if alone else _lent(quotas),
        used=_sum(usage, "total"),
        borrowed=_sum(usage, "borrowed"),
        waiting={AWAITS_ENGINE: status.get("pendingWorkloads") or 0},
    )


def local_queue(found: Mapping[str, Any]) -> Told:
    """Return what a LocalQueue tells; what it has is its ClusterQueue's."""
    meta, status = found["metadata"], found.get("status") or {}
    usage = _usage(status.get("flavorsUsage") or status.get("flavorUsage"))  # v1beta2, v1beta1
    return Told(
        kind=KUEUE_LOCAL,
        queue=f"{meta['namespace']}/{meta['name']}",
        used=_sum(usage, "total"),
        waiting={AWAITS_ENGINE: status.get("pendingWorkloads") or 0},
    )


def why_waiting(workload: Mapping[str, Any]) -> str:
    """Return what a Workload says of its admission; empty where it is admitted."""
    conditions = {c["type"]: c for c in (workload.get("status") or {}).get("conditions") or ()}
    if conditions.get("Admitted", {}).get("status") == "True":
        return ""
    told = conditions.get("QuotaReserved") or {}
    return str(told.get("message") or told.get("reason") or "not looked at yet")


def _usage(flavors: Sequence[Mapping[str, Any]] | None) -> list[Mapping[str, Any]]:
    return [resource for flavor in flavors or () for resource in flavor.get("resources") or ()]


def _sum(resources: Iterable[Mapping[str, Any]], field: str) -> dict[str, int]:
    return add([accelerators({r["name"]: r.get(field) or 0}) for r in resources])


def _limits(
    nominal: Mapping[str, int], quotas: Sequence[Mapping[str, Any]], *, alone: bool
) -> dict[str, int]:
    """Return how far each may go; not there where a flavour's borrowing has no limit."""
    if alone:
        return dict(nominal)
    endless = {r["name"] for r in quotas if r.get("borrowingLimit") is None}
    borrowing = _sum(quotas, "borrowingLimit")
    return {name: nominal[name] + borrowing[name] for name in nominal if name not in endless}


def _lent(quotas: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Return what others may borrow: all that has no lendingLimit of its own."""
    own = [
        {**r, "lent": r["nominalQuota"] if r.get("lendingLimit") is None else r["lendingLimit"]}
        for r in quotas
    ]
    return _sum(own, "lent")
