"""What is told of one queue, whoever's it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from scheduler_feedback.gang.quantities import read_amounts

Amounts = Mapping[str, int]

MOST_TOLD = 200
"""Queues of a kind that are told: the first by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One queue: what it has, in whole units of each accelerator resource, and who waits."""

    kind: str
    queue: str
    guaranteed: Amounts = field(default_factory=dict)
    limit: Amounts = field(default_factory=dict)
    borrowable: Amounts = field(default_factory=dict)
    used: Amounts = field(default_factory=dict)
    borrowed: Amounts = field(default_factory=dict)
    waiting: Mapping[str, int] = field(default_factory=dict)
    """Gangs or workloads by what they wait for."""


def accelerators(told: Mapping[str, object] | None) -> dict[str, int]:
    """Return the amounts of extended resources, which accelerators are; not CPU and the like."""
    return {name: n for name, n in read_amounts(told).items() if "/" in name}


def add(parts: Sequence[Amounts]) -> dict[str, int]:
    """Return the sum of amounts."""
    total: dict[str, int] = {}
    for part in parts:
        for name, amount in part.items():
            total[name] = total.get(name, 0) + amount
    return total
