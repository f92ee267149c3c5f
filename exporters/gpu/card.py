"""What the program knows of one GPU, longer than any worker lives."""

import logging
from collections.abc import Iterator

from catalog.gpu import (
    GPU_AGE,
    GPU_INFO,
    GPU_LAST_SUCCESS,
    GPU_RESET_TIMESTAMP,
    GPU_STATE,
    STATES,
)
from exporters.facility import Cycle, End
from exporters.gpu import identity
from exporters.gpu.inventory import INDEX, SLOT, UUID, Entry
from exporters.gpu.resets import Resets
from exporters.gpu.tally import Heard
from exporters.ledger import Ledger
from exporters.moment import Moment
from exporters.sample import Sample

log = logging.getLogger(__name__)

_STATE_AFTER = {
    End.OK: "ok",
    End.RESET_REQUIRED: "reset_required",
    End.LOST: "lost",
    End.HUNG: "hung",
}
"""Every other end of a cycle leaves the GPU unreadable."""

MISSING = "missing"


class Card:
    """One GPU: identity, state, readings, and the history that outlives them."""

    def __init__(self, entry: Entry, facilities: tuple[str, ...], interval: float) -> None:
        """Begin with what the inventory tells; the state is not known yet."""
        self.index = entry.index
        self.slot = entry.slot
        self.uuid = ""
        self.state = ""
        self.ledger = Ledger(facilities, interval)
        self._answered: Moment | None = None
        self._info: tuple[Sample, ...] = ()
        self._resets = Resets()
        self._heard = Heard()

    @property
    def labels(self) -> tuple[str, str]:
        """What identifies the GPU in every series; the uuid is empty until it was told once."""
        return str(self.index), self.uuid

    def target(self) -> dict[str, str | int]:
        """Return what a worker is to open: the slot where it is known, as indices move."""
        return {SLOT: self.slot} if self.slot else {INDEX: self.index}

    def fold(self, cycle: Cycle, now: Moment) -> None:
        """Take a cycle of the worker's.

        Readings count only where the GPU answered all of them: a set of series that stops half-way
        would look like a GPU half in order. What was noted counts in any case.
        """
        self._identify(cycle)
        self._heard.boot(self._resets.boot(cycle))
        self._heard.count(cycle, now)
        if cycle.complete:
            self._answered = now
            self.ledger.enter(cycle, now)
            self._resets.ecc(cycle, now)
            self._info = self._last_info() or self._info
        elif self.state == MISSING:
            return
        self._become(_STATE_AFTER.get(cycle.end, "unreadable"), cycle.problem)

    def name(self, uuid: str) -> None:
        """Take the uuid that the driver logged; what the GPU itself tells goes before it."""
        self.uuid = self.uuid or uuid

    def _identify(self, cycle: Cycle) -> None:
        for index in cycle.notes(INDEX):
            self.index = int(index)
        for uuid in cycle.notes(UUID):
            self.uuid = str(uuid)
        for slot in cycle.notes(SLOT):
            self.slot = str(slot)

    def _last_info(self) -> tuple[Sample, ...]:
        record = self.ledger.records.get(identity.FACILITY.name)
        return tuple(s for s in record.samples if s.metric is GPU_INFO) if record else ()

    def miss(self) -> None:
        """Take that the driver no longer lists the GPU."""
        self._become(MISSING, "the driver no longer lists it")

    def _become(self, state: str, problem: str) -> None:
        if state == self.state:
            return
        told = {"gpu": self.index, "uuid": self.uuid, "slot": self.slot, "state": state}
        if state == "ok":
            log.info("gpu answers", extra=told)
        else:
            log.warning("gpu in trouble", extra={**told, "problem": problem})
        self.state = state

    def answers(self, now: Moment) -> bool:
        """Whether its readings are shown: it answered a whole cycle lately."""
        return self._answered is not None and self.ledger.fresh(self._answered, now)

    def status(self, now: Moment) -> Iterator[Sample]:
        """Yield what stays when the GPU stops answering; nothing before it was first judged."""
        if not self.state:
            return
        for state in STATES:
            yield Sample(GPU_STATE, (*self.labels, state), float(state == self.state))
        if self._answered is not None:
            yield Sample(GPU_LAST_SUCCESS, self.labels, self._answered.wall)
            yield Sample(GPU_AGE, self.labels, now.mono - self._answered.mono)
        if self._resets.latest is not None:
            yield Sample(GPU_RESET_TIMESTAMP, self.labels, self._resets.latest)

    def readings(self, now: Moment) -> Iterator[Sample]:
        """Yield what the GPU said lately, and who it is."""
        fresh = [s for s in self.ledger.samples(now) if s.metric is not GPU_INFO]
        yield from self._info
        yield from fresh

    def xids(self) -> Iterator[Sample]:
        """Yield the Xids that NVML told of."""
        return self._heard.samples(self.labels)
