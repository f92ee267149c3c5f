"""The program's side of the node family: holds the boot's time, and the place in the log."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from catalog.exporter import NODE_BOOT_TIME, NODE_KERNEL_LOG_LOST
from exporters.facility import Cycle
from exporters.family import SoloFamily
from exporters.ledger import Standing
from exporters.moment import Moment
from exporters.node import boot, kernel_log
from exporters.node.boot import Boot, Held
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
        self._boot = Held()

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
        told = [s.value for o in cycle.outcomes for s in o.samples if s.metric is NODE_BOOT_TIME]
        for time, identity in zip(told, cycle.notes(boot.ID), strict=False):
            self._boot.take(Boot(time=time, id=str(identity)))
        if self.tail:
            self.tail.take(cycle)

    def standings(self, now: Moment) -> Iterator[Standing]:
        """Yield each facility as its record has it."""
        return self._node.standings(now)

    def samples(self, now: Moment) -> Iterator[Sample]:
        """Yield what was read lately, and what was lost of the log."""
        for sample in self._node.samples(now):
            held = self._boot.time if sample.metric is NODE_BOOT_TIME else None
            yield sample if held is None else replace(sample, value=held)
        if self.tail and self.tail.complete:
            yield Sample(NODE_KERNEL_LOG_LOST, (), self.tail.lost)
