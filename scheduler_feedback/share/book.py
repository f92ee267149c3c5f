"""The bindings to one node's GPUs that were announced: the one place where binders meet.

Binders of several replicas do not know of each other. Each writes what it is about to give out into
the node's book, and only if nobody has written since it read it. What the book says counts until
its pod is seen bound, or the announcement is voided. That takes three steps, each of which any
binder may be the one to do: the entry is marked expired, so that nobody uses it from then on; its
pod is touched, so that the kube-apiserver refuses a binding of the pod as it was before; only then
the entry goes. So a binder that hung for an hour and wakes up can take nothing that was given away
since, whatever the clocks say.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scheduler_feedback.share.assignment import (
    AssignmentError,
    Part,
    dump_assignment,
    parse_assignment,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """A binding that was announced."""

    namespace: str
    name: str
    uid: str
    at: float
    """When, in Unix seconds."""
    parts: tuple[Part, ...]
    expired: bool = False
    """It may be used no more, and still counts until its pod was touched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """A node's book; `version` is empty where it is not written yet."""

    node: str
    node_uid: str
    version: str = ""
    reservations: tuple[Reservation, ...] = ()


class BookError(ValueError):
    """A book does not say what it should; the message says what is wrong with it."""


def dump_reservations(reservations: Sequence[Reservation]) -> str:
    """Return the JSON of what a book holds."""
    entries = [
        {
            "namespace": each.namespace,
            "name": each.name,
            "uid": each.uid,
            "at": each.at,
            "assignment": dump_assignment(each.parts),
            "expired": each.expired,
        }
        for each in reservations
    ]
    return json.dumps(entries, separators=(",", ":"))


def parse_reservations(text: str) -> tuple[Reservation, ...]:
    """Return what a book holds; BookError."""
    try:
        entries = json.loads(text)
        return tuple(_reservation(entry) for entry in entries)
    except (ValueError, TypeError, KeyError, RecursionError, AssignmentError) as error:
        raise BookError(f"{type(error).__name__}: {error}") from None


def _reservation(entry: Mapping[str, Any]) -> Reservation:
    at = float(entry["at"])
    if not math.isfinite(at):
        raise ValueError("at is not a time")
    return Reservation(
        namespace=str(entry["namespace"]),
        name=str(entry["name"]),
        uid=str(entry["uid"]),
        at=at,
        parts=parse_assignment(entry["assignment"]),
        expired=entry["expired"] is True,
    )
