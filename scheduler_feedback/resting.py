"""The nodes on which nothing was left to leave: looked at again only once in a while."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from scheduler_feedback.health import NodeHealth

_REST = 60.0
"""Seconds between two looks at a drained node, where only a tolerant pod could still turn up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rest:
    """A node as it was known when it was found drained, and when to look again."""

    node: NodeHealth
    until: float


class Resting:
    """Remembers them; forgotten, a node is merely looked at once too often."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._rests: dict[str, _Rest] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._rests

    def may_wait(self, node: NodeHealth) -> bool:
        """Whether a node was found drained a moment ago and nothing was said of it since."""
        rest = self._rests.get(node.name)
        return rest is not None and rest.node == node and self._clock() < rest.until

    def knows(self, node: NodeHealth) -> bool:
        """Whether a node, and not another one of its name, was found drained before."""
        rest = self._rests.get(node.name)
        return rest is not None and rest.node.uid == node.uid

    def note(self, looked_at: Iterable[NodeHealth], drained: Collection[str]) -> None:
        """Take note of nodes that were looked at, some of them, by uid, found drained."""
        for node in looked_at:
            self._rests.pop(node.name, None)
            if node.uid in drained:
                self._rests[node.name] = _Rest(node=node, until=self._clock() + _REST)

    def keep(self, names: Collection[str]) -> None:
        """Forget all other nodes."""
        self._rests = {name: rest for name, rest in self._rests.items() if name in names}
