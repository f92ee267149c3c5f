"""Whether deleting pods of a gang would harm more than help."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from scheduler_feedback.gang.pods import Member, Owner

SURVIVORS = ("ReplicaSet", "StatefulSet", "LeaderWorkerSet")
"""Kinds that make a deleted pod anew, however often."""
_DEFAULT_BACKOFF = 6
"""A Job's backoffLimit where it names none."""


class Owners(Protocol):
    """Where Jobs are looked up."""

    def job(self, namespace: str, name: str) -> Mapping[str, Any]:
        """Return a Job object; NotFound where there is none."""


def why_not(members: Sequence[Member], owners: Owners) -> str:
    """Return why these pods must not be deleted; empty where they may.

    A Job counts each deleted pod as failed, so it must have as many failures left and one more.
    """
    by_owner: dict[Owner | None, list[Member]] = {}
    for member in members:
        by_owner.setdefault(member.owner, []).append(member)
    for owner, pods in by_owner.items():
        objection = _objection(owner, pods, owners)
        if objection:
            return objection
    return ""


def _objection(owner: Owner | None, pods: Sequence[Member], owners: Owners) -> str:
    if owner is None:
        return "nothing would create them again"
    if owner.kind in SURVIVORS:
        return ""
    if owner.kind != "Job":
        return f"what a {owner.kind} does then is not known"
    job = owners.job(pods[0].namespace, owner.name)
    spec, status = job.get("spec") or {}, job.get("status") or {}
    limit = spec.get("backoffLimit")
    left = (_DEFAULT_BACKOFF if limit is None else limit) - (status.get("failed") or 0)
    if left <= len(pods):
        return f"Job {owner.name} bears {max(left, 0)} more failures before it gives up"
    return ""
