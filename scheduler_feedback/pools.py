"""Pools of nodes in the order in which they are used: own ones, leased ones, on demand.

What is to be released is released in the reverse order, by those who choose it: a ReplicaSet by the
cost that each pod says its deletion has, a Job its highest ranks first.
"""

from collections.abc import Mapping
from dataclasses import dataclass

MOST_POOLS = 64
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
"""The annotation by which a ReplicaSet chooses: the pods that cost least go first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pools:
    """A node label, and its values in the order in which nodes are used; all others come last."""

    label: str = ""
    order: tuple[str, ...] = ()

    def rank(self, labels: Mapping[str, str]) -> int:
        """Return how many pools come before that of a node with these labels."""
        value = labels.get(self.label, "")
        return self.order.index(value) if value in self.order else len(self.order)

    def deletion_cost(self, labels: Mapping[str, str]) -> Mapping[str, str]:
        """Return the annotation of a pod on a node with these labels; none where it is as any."""
        rank = self.rank(labels)
        return {DELETION_COST: str(-rank)} if rank else {}


def read_pools(text: str) -> Pools:
    """Return the pools that `LABEL=FIRST,SECOND` names."""
    label, equals, listed = text.partition("=")
    order = tuple(listed.split(","))
    if not label or not equals or not all(order) or len(set(order)) < len(order):
        raise ValueError(f"{text!r} is not LABEL=FIRST,SECOND with each value once")
    if len(order) >= MOST_POOLS:
        raise ValueError(f"{text!r} names more than {MOST_POOLS - 1} pools")
    return Pools(label=label, order=order)
