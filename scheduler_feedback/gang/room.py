"""How much of the idle GPUs is in pieces, and how large a gang could start now. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from catalog.wire import GPU_RESOURCE, TIER
from scheduler_feedback.gang.fleet import Fleet
from scheduler_feedback.gang.nodes import Host

CLUSTER = "cluster"
"""Stands for the tier beyond the last: all nodes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What is idle on the nodes that any pod may use."""

    idle: int
    """GPUs."""
    broken: int
    """Of these, GPUs on nodes where others are taken."""
    largest: Mapping[str, int]
    """Tier → most nodes with all their GPUs idle in one domain of it."""


def measure(hosts: Sequence[Host], now: Fleet, most: Fleet) -> Room:
    """Return the room; `most` is the fleet as if nothing ran on it."""
    if GPU_RESOURCE not in now.resources:
        return Room(idle=0, broken=0, largest={})
    column = now.resources.index(GPU_RESOURCE)
    usable = np.array([not h.taints and not h.health.refusals for h in hosts], dtype=bool)
    idle = np.where(usable, np.maximum(now.free[:, column], 0), 0)
    whole = (idle > 0) & (idle == most.free[:, column])
    largest = {
        CLUSTER if tier == len(now.tiers) else f"{TIER}{tier}": max(
            (int(whole[rows].sum()) for _, rows in now.within(tier)), default=0
        )
        for tier in range(len(now.tiers) + 1)
    }
    return Room(idle=int(idle.sum()), broken=int(idle[~whole].sum()), largest=largest)
