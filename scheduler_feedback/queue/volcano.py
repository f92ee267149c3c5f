"""Volcano's queues: v1beta1.

How many PodGroups wait is counted from those: later versions keep no count in the Queue's status.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from catalog.scheduler_queue import AWAITS_ENGINE, VOLCANO
from scheduler_feedback.queue.told import Told, accelerators

GROUP = "scheduling.volcano.sh"
_WAITING = ("", "Pending", "Inqueue")
_DEFAULT = "default"


def queues(
    found: Iterable[Mapping[str, Any]], pod_groups: Iterable[Mapping[str, Any]]
) -> list[Told]:
    """Return what the Queues tell, and how many of the PodGroups wait in each."""
    waiting = Counter(
        (group.get("spec") or {}).get("queue") or _DEFAULT
        for group in pod_groups
        if (group.get("status") or {}).get("phase", "") in _WAITING
    )
    return [_queue(queue, waiting[queue["metadata"]["name"]]) for queue in found]


def _queue(found: Mapping[str, Any], waiting: int) -> Told:
    spec, status = found.get("spec") or {}, found.get("status") or {}
    reserved = (spec.get("guarantee") or {}).get("resource")
    guaranteed = accelerators(spec.get("deserved") or reserved)
    used = accelerators(status.get("allocated"))
    return Told(
        kind=VOLCANO,
        queue=found["metadata"]["name"],
        guaranteed=guaranteed,
        limit=accelerators(spec.get("capability")),
        used=used,
        borrowed={name: max(0, used.get(name, 0) - has) for name, has in guaranteed.items()},
        waiting={AWAITS_ENGINE: waiting},
    )
