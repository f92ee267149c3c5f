"""What the program knows of one RDMA device, longer than any worker lives."""

import logging
from collections.abc import Iterator

from catalog.rdma import RDMA_DEVICE_STATE, RDMA_DEVICE_STATES, RDMA_READ_ERRORS
from exporters.facility import Cycle, End
from exporters.ledger import Ledger
from exporters.moment import Moment
from exporters.rdma.devices import READ_ERROR
from exporters.sample import Sample

log = logging.getLogger(__name__)

MOST_FILES = 32
OTHER = "other"

OK, HUNG, UNREADABLE = RDMA_DEVICE_STATES


class Device:
    """One device: whether it answers, and what it said."""

    def __init__(self, name: str, facilities: tuple[str, ...], interval: float) -> None:
        """Begin without having read it; the state is not known yet."""
        self.name = name
        self.state = ""
        self.ledger = Ledger(facilities, interval)
        self._errors: dict[str, int] = {}

    def fold(self, cycle: Cycle, now: Moment) -> None:
        """Take the device's part of a cycle; what was read before it ended counts."""
        self.ledger.enter(cycle, now)
        for file in cycle.notes(READ_ERROR):
            self._count(str(file))
        self._become(
            HUNG if cycle.end is End.HUNG else OK if cycle.complete else UNREADABLE, cycle.problem
        )

    def _count(self, file: str) -> None:
        if file not in self._errors and len(self._errors) >= MOST_FILES:
            file = OTHER
        self._errors[file] = self._errors.get(file, 0) + 1

    def _become(self, state: str, problem: str) -> None:
        if state != self.state:
            told = {"device": self.name, "state": state}
            if state == OK:
                log.info("rdma device answers", extra=told)
            else:
                log.warning("rdma device in trouble", extra={**told, "problem": problem})
            self.state = state

    @property
    def answers(self) -> bool:
        """Whether the last reading came to its end."""
        return self.state == OK

    def samples(self, now: Moment) -> Iterator[Sample]:
        """Yield whether it answers, once that is known, and what was read lately."""
        if self.state:
            for state in RDMA_DEVICE_STATES:
                yield Sample(RDMA_DEVICE_STATE, (self.name, state), float(state == self.state))
        for file, times in self._errors.items():
            yield Sample(RDMA_READ_ERRORS, (self.name, file), times)
        yield from self.ledger.samples(now)
