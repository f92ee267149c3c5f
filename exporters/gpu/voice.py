"""Where Xids are counted from: the kernel's log, or NVML's events where there is no log."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace

from exporters.facility import State
from exporters.gpu.card import Card
from exporters.gpu.faults import Faults
from exporters.ledger import Standing
from exporters.moment import Moment
from exporters.node.tail import Tail
from exporters.sample import Sample

log = logging.getLogger(__name__)


class Voice:
    """One source of the two: both would count each Xid twice."""

    def __init__(self, faults: Faults, tail: Tail | None) -> None:
        """Take who counts what the log tells, and the log, None where it is not to be read."""
        self._faults = faults
        self._tail = tail
        self._told = ""
        if tail:
            tail.listen(faults)

    @property
    def settled(self) -> bool:
        """Whether the log was read to its end, or seen not to be readable."""
        return self._tail is None or self._tail.complete or self._tail.unreadable

    def standing(self, found: Standing, now: Moment) -> Standing:
        """Return how the Xids stand: as the kernel's log does, unless there is none to go by."""
        if self._tail is None or self._tail.unreadable:
            return found
        record = self._tail.record
        return replace(
            found,
            state=record.state if self._tail.complete else State.STARTING,
            age=record.age(now),
            seconds=record.seconds,
            problem=record.problem,
        )

    def samples(self, cards: Sequence[Card]) -> Iterator[Sample]:
        """Yield the Xids of these GPUs, and what else the log tells of."""
        if self._tail is None or self._tail.unreadable:
            self._tell("NVML events", self._tail.record.problem if self._tail else "")
            for card in cards:
                yield from card.xids()
        elif self._tail.complete:
            self._tell("kernel log")
            yield from self._faults.samples(cards)

    def _tell(self, source: str, problem: str = "") -> None:
        """Log where Xids come from, once and when it changes."""
        if source == self._told:
            return
        self._told = source
        level = logging.WARNING if problem else logging.INFO
        why = {"kernel_log": problem} if problem else {}
        log.log(level, "xids are counted", extra={"source": source, **why})
