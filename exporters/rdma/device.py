"""What the program knows of one RDMA device, longer than any worker lives."""

import logging
from collections.abc import Iterator
from functools import lru_cache, partial
from itertools import chain

from catalog.rdma import (
    RDMA_DEVICE_STATE,
    RDMA_DEVICE_STATES,
    RDMA_PORT_STATE,
    RDMA_READ_ERRORS,
)
from exporters.facility import Cycle, End
from exporters.ledger import Ledger
from exporters.moment import Moment
from exporters.rdma import devices
from exporters.rdma.port import STATE_FILE
from exporters.sample import Sample

log = logging.getLogger(__name__)

MOST_FILES = 32
OTHER = "other"

OK, HUNG, UNREADABLE, RESTRICTED, ELSEWHERE = RDMA_DEVICE_STATES


class Device:
    """One device: whether it answers, and what it said."""

    def __init__(self, name: str, facilities: tuple[str, ...], interval: float) -> None:
        """Begin without having read it; the state is not known yet."""
        self.name = name
        self.state = ""
        self._fresh = partial(Ledger, facilities, interval)
        self.ledger = self._fresh()
        self._errors: dict[str, int] = {}

    def fold(self, cycle: Cycle, now: Moment) -> None:
        """Take the device's part of a cycle; what was read before it ended counts."""
        self.ledger.enter(cycle, now)
        self.count_errors(cycle)
        problems = (cycle.problem, *(outcome.problem for outcome in cycle.outcomes))
        self._become(_state(cycle), next(filter(None, problems), ""))

    def count_errors(self, cycle: Cycle) -> None:
        """Count what a cycle could not read."""
        for file in cycle.notes(devices.READ_ERROR):
            self._count(str(file))

    def _count(self, file: str) -> None:
        if file not in self._errors and len(self._errors) >= MOST_FILES:
            file = OTHER
        self._errors[file] = self._errors.get(file, 0) + 1

    def _become(self, state: str, problem: str) -> None:
        if state != self.state:
            told = {"device": self.name, "state": state}
            if state in (HUNG, UNREADABLE):
                log.warning("rdma device in trouble", extra={**told, "problem": problem})
            else:
                log.info("rdma device", extra=told)
            self.state = state

    def arrive(self) -> None:
        """Take that the device is back; how it is will be known once it is read."""
        self.state = ""

    def leave(self) -> None:
        """Take that the device is in another network namespace, or in a virtual machine."""
        if not self.is_elsewhere:
            self.ledger = self._fresh()
        self._become(ELSEWHERE, "")

    @property
    def answers(self) -> bool:
        """Whether the last reading came to its end."""
        return self.state in (OK, RESTRICTED)

    @property
    def is_well(self) -> bool:
        """Whether its last reading came to its end, and nothing was refused."""
        return self.state == OK

    @property
    def is_elsewhere(self) -> bool:
        """Whether it is in another network namespace, or in a virtual machine."""
        return self.state == ELSEWHERE

    def samples(self, now: Moment) -> Iterator[Sample]:
        """Return whether it answers, once that is known, and what was read lately."""
        errors = (
            Sample(RDMA_READ_ERRORS, (self.name, file), times)
            for file, times in self._errors.items()
        )
        return chain(_states(self.name, self.state), errors, self.ledger.samples(now))


@lru_cache(maxsize=1024)
def _states(device: str, now: str) -> tuple[Sample, ...]:
    return tuple(
        Sample(RDMA_DEVICE_STATE, (device, state), float(state == now))
        for state in RDMA_DEVICE_STATES
        if now
    )


def _state(cycle: Cycle) -> str:
    if cycle.end is End.HUNG:
        return HUNG
    if not cycle.complete or _tells_errors_alone(cycle):
        return UNREADABLE
    return RESTRICTED if cycle.notes(devices.RESTRICTED) else OK


def _tells_errors_alone(cycle: Cycle) -> bool:
    """Whether not even the state of any port could be read; what the kernel knows does not count.

    A firmware that is gone fails what it is asked, and the card's name, GUIDs and driver stay.
    """
    told = (s for outcome in cycle.outcomes for s in outcome.samples)
    failed = STATE_FILE in cycle.notes(devices.READ_ERROR)
    return failed and not any(sample.metric is RDMA_PORT_STATE for sample in told)
