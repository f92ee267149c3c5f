"""The program's side of the node family: adds the place in the kernel's log."""

from collections.abc import Iterator, Sequence

from catalog.exporter import NODE_KERNEL_LOG_LOST
from exporters.facility import Cycle
from exporters.family import SoloFamily
from exporters.ledger import Standing
from exporters.moment import Moment
from exporters.node import kernel_log
from exporters.node.tail import Tail
from exporters.post import Pace, Post, Target
from exporters.registry import NODE
from exporters.sample import Sample
from exporters.settings import Settings


class NodeFamily:
    """What one worker reads of the node, and where it came to in the log."""

    def __init__(self, settings: Settings, pace: Pace) -> None:
        """Open the family's post."""
        self._node = SoloFamily(NODE, settings, pace, listen=self._follow, target=self._target)
        record = self._node.ledger.records.get(kernel_log.FACILITY.name)
        self.tail = Tail(record) if record else None
        """The kernel's log, None where it is not to be read."""

    @property
    def posts(self) -> Sequence[Post]:
        """The one post."""
        return self._node.posts

    @property
    def settled(self) -> bool:
        """Whether the node was read, or seen not to be readable."""
        return self._node.settled

    def _target(self) -> Target:
        return self.tail.target() if self.tail else {}

    def _follow(self, cycle: Cycle, _now: Moment) -> None:
        if self.tail:
            self.tail.take(cycle)

    def standings(self, now: Moment) -> Iterator[Standing]:
        """Yield each facility as its record has it."""
        return self._node.standings(now)

    def samples(self, now: Moment) -> Iterator[Sample]:
        """Yield what was read lately, and what was lost of the log."""
        yield from self._node.samples(now)
        if self.tail and self.tail.complete:
            yield Sample(NODE_KERNEL_LOG_LOST, (), self.tail.lost)
