"""PodGroups of scheduling.k8s.io, which kube-scheduler itself places as a whole: 1.36 and later.

They have no queue; a namespace stands for one.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from catalog.scheduler_queue import AWAITS_ENGINE, UPSTREAM
from scheduler_feedback.queue.told import Told

GROUP = "scheduling.k8s.io"
_SCHEDULED = "PodGroupScheduled"


def namespaces(pod_groups: Iterable[Mapping[str, Any]]) -> list[Told]:
    """Return how many PodGroups wait in each namespace that has any."""
    waiting: Counter[str] = Counter()
    for group in pod_groups:
        waiting[group["metadata"]["namespace"]] += not _scheduled(group)
    return [
        Told(kind=UPSTREAM, queue=namespace, waiting={AWAITS_ENGINE: count})
        for namespace, count in sorted(waiting.items())
    ]


def _scheduled(group: Mapping[str, Any]) -> bool:
    conditions = (group.get("status") or {}).get("conditions") or ()
    return any(c.get("type") == _SCHEDULED and c.get("status") == "True" for c in conditions)
