"""What every node has free, where in the network it is, and how healthy: arrays, a row a node."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

NOWHERE = -1
"""The domain of a node that does not say where it is."""

Request = Mapping[str, int]
"""Resource → amount, in the resource's smallest unit: milli-CPU, bytes, devices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """All nodes at one moment; never changed, but followed by a changed copy."""

    names: tuple[str, ...]
    resources: tuple[str, ...]
    """What the columns of `free` are."""
    free: Ints
    """Nodes by resources."""
    tiers: tuple[Ints, ...]
    """For each tier, nearest the node first, the domain of each node, or NOWHERE."""
    domains: tuple[tuple[str, ...], ...]
    """For each tier the domains' names."""
    penalty: Ints
    """What is against each node among those that may be used: its health, then its pool; 0 is a
    clean node of the first pool."""

    def __len__(self) -> int:
        return len(self.names)

    def room(self, request: Request) -> Ints:
        """Return how many pods with this request each node has room for.

        None on any where a resource is asked for that no node has; a pod that asks for nothing is
        still one pod.
        """
        most = np.full(len(self), np.iinfo(np.int64).max)
        for resource, amount in {"pods": 1, **request}.items():
            if amount <= 0:
                continue
            if resource not in self.resources:
                return np.zeros(len(self), dtype=np.int64)
            column = self.free[:, self.resources.index(resource)]
            most = np.minimum(most, np.maximum(column, 0) // amount)
        return most

    def without(self, placed: Sequence[tuple[int, Request]]) -> "Fleet":
        """Return the fleet with these requests taken off these rows."""
        free = self.free.copy()
        for row, request in placed:
            for resource, amount in {"pods": 1, **request}.items():
                if resource in self.resources:
                    free[row, self.resources.index(resource)] -= amount
        return replace(self, free=free)

    def closed(self, rows: Ints) -> "Fleet":
        """Return the fleet with nothing free on these rows."""
        free = self.free.copy()
        free[rows] = 0
        return replace(self, free=free)

    def within(self, tier: int) -> Iterator[tuple[str, Ints]]:
        """Yield each domain of a tier with its rows; beyond the last tier there is one, of all."""
        if tier >= len(self.tiers):
            yield "", np.arange(len(self))
            return
        of = self.tiers[tier]
        for number, name in enumerate(self.domains[tier]):
            yield name, np.flatnonzero(of == number)
