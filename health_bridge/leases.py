"""When the leases of rented nodes end, as their owner has annotated them: told on, never judged."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from health_bridge.decision.nodes import Node
from health_bridge.decision.record import parse_time

MAX_TEXT = 40
"""Characters of the longest RFC 3339 time that anybody writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leases:
    """What the managed nodes' annotations say."""

    ends: dict[str, int] = field(default_factory=dict)
    """Node → whole Unix seconds."""
    malformed: int = 0


def leases_of(nodes: Iterable[Node]) -> Leases:
    """Read the annotation of every managed node that has one."""
    ends: dict[str, int] = {}
    malformed = 0
    for node in nodes:
        if node.managed and node.lease_end is not None:
            try:
                ends[node.name] = _read(node.lease_end)
            except (ValueError, OverflowError):
                malformed += 1
    return Leases(ends=ends, malformed=malformed)


def _read(text: str) -> int:
    if len(text) > MAX_TEXT:
        raise ValueError("too long for a time")
    return parse_time(text)
