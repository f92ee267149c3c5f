"""What the program knows of one GPU, longer than any worker lives."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from catalog.gpu import (
    GPU_AGE,
    GPU_INFO,
    GPU_LAST_SUCCESS,
    GPU_RESET_TIMESTAMP,
    GPU_STATE,
)
from catalog.gpu_state import GPU_ATTACH_DURATION, GPU_CYCLE_DURATION, DriverState, GpuState
from exporters.facility import ATTACHED, Cycle, End
from exporters.gpu.inventory import INDEX, SLOT, UNKNOWN, UUID, Entry
from exporters.gpu.judgement import Signs, own_state, shown_state
from exporters.gpu.pci import Function
from exporters.gpu.remembered import Remembered
from exporters.gpu.resets import Resets
from exporters.gpu.tally import Heard
from exporters.ledger import Ledger
from exporters.moment import Moment
from exporters.sample import Sample

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Place:
    """What others than the GPU itself tell of it."""

    on_bus: bool = True
    function: Function | None = None
    """As the last scan of the bus had it; None where this sysfs does not tell of it."""
    listed: bool = True
    shown: bool = False
    """Whether the driver's list, or a scan, ever had it since the program began."""
    all_ones: bool = False
    fell: float = 0.0
    """The unix time of the last Xid 79."""

    @property
    def bound(self) -> bool:
        """Whether NVIDIA's driver has it, as far as anyone tells."""
        return self.function is None or self.function.managed

    @property
    def free(self) -> bool:
        """Whether NVIDIA's driver has it or could: no other driver does."""
        return self.bound or (self.function is not None and not self.function.driver)


class Card:
    """One GPU: identity, state, readings, and the history that outlives them."""

    def __init__(
        self,
        entry: Entry,
        facilities: tuple[str, ...],
        interval: float,
        remembered: Remembered | None = None,
    ) -> None:
        """Begin with what the inventory tells, or memory; the state is not known yet."""
        self.index = entry.index
        self.slot = entry.slot
        self.uuid = ""
        self.state: GpuState | None = None
        self.place = Place()
        self.ledger = Ledger(facilities, interval)
        self.resets = Resets()
        self._end: End | None = None
        self._problem = ""
        self._answered: Moment | None = None
        self._before: float | None = None
        """When it last answered a program before this one, as unix time."""
        self._info: dict[str, str] = {}
        """Labels of the info series, as far as they were told."""
        self._durations: dict[str, float] = {}
        self._heard = Heard()
        if remembered:
            self._recall(remembered)

    def _recall(self, known: Remembered) -> None:
        self.index = known.index if self.index == UNKNOWN else self.index
        self.uuid, self._before = known.uuid, known.answered
        self._info = {"name": known.name, "serial": known.serial, "vbios": known.vbios}
        self.resets.remember(known.boot, known.reset)

    def remembered(self, *, learned: bool) -> Remembered:
        """Return what is to be remembered of it."""
        return Remembered(
            slot=self.slot,
            index=self.index,
            uuid=self.uuid,
            name=self._info.get("name", ""),
            serial=self._info.get("serial", ""),
            vbios=self._info.get("vbios", ""),
            answered=self._last_success,
            reset=self.resets.seen,
            boot=self.resets.boot_id,
            learned=learned,
        )

    @property
    def labels(self) -> tuple[str, str]:
        """What identifies the GPU in every series; the uuid is empty until it was told once.

        One that the driver never listed goes by its slot.
        """
        return self.slot if self.index == UNKNOWN else str(self.index), self.uuid

    def target(self) -> dict[str, str | int]:
        """Return what a worker is to open: the slot where it is known, as indices move."""
        return {SLOT: self.slot} if self.slot else {INDEX: self.index}

    @property
    def readable(self) -> bool:
        """Whether a worker may try: it is there, and NVIDIA's driver has it."""
        return self.place.on_bus and self.place.bound

    @property
    def doubtful(self) -> bool:
        """Whether a worker may try and the last one did not come through."""
        return self.readable and self._end not in (None, End.OK, End.RESET_REQUIRED)

    @property
    def hangs(self) -> bool:
        """Whether the last worker hung."""
        return self._end is End.HUNG

    def see(self, function: Function | None, now: Moment, *, whole: bool) -> bool:
        """Take what the bus shows in its slot; return whether that is anything else than before.

        A scan that is not `whole` shows no GPU at all, as in a sandbox: it says nothing of one
        that only the driver ever told of.
        """
        before, place = self.place.function, self.place
        if function is None:
            gone = before is not None or (whole and not place.shown)
            changed, place.on_bus = place.on_bus and gone, place.on_bus and not gone
            return changed
        if before is not None and (not place.on_bus or before.number != function.number):
            self.resets.at(now.wall)
        changed = not place.on_bus or function != before
        place.function, place.on_bus, place.shown = function, True, True
        if changed and before is not None:
            self.forget()
        return changed

    def forget(self) -> None:
        """Let its next answer decide, not its last: nobody asked it for a while."""
        self._end, self.place.all_ones = None, False

    def fold(self, cycle: Cycle, now: Moment) -> None:
        """Take a cycle of the worker's.

        Readings count only where the GPU answered all of them: a set of series that stops half-way
        would look like a GPU half in order. What was noted counts in any case.
        """
        self._identify(cycle)
        self._heard.boot(self.resets.boot(cycle))
        self._heard.count(cycle, now)
        self._end, self._problem = cycle.end, cycle.problem
        if cycle.complete:
            self._answered = now
            self.place.listed, self.place.all_ones = True, False
            self.ledger.enter(cycle, now)
            self.resets.ecc(cycle, now)
            self._time(cycle)
            self._describe(cycle)

    def name(self, uuid: str) -> None:
        """Take the uuid that the driver logged; what the GPU itself tells goes before it."""
        self.uuid = self.uuid or uuid

    def _identify(self, cycle: Cycle) -> None:
        for index in cycle.notes(INDEX):
            self.index = int(index)
        for uuid in cycle.notes(UUID):
            if self.uuid not in ("", uuid):
                self._info = {}  # another card is in the slot
            self.uuid = str(uuid)
        for slot in cycle.notes(SLOT):
            self.slot = str(slot)

    def _time(self, cycle: Cycle) -> None:
        parts = {outcome.facility: outcome.seconds for outcome in cycle.outcomes}
        if (attach := parts.pop(ATTACHED, None)) is not None:
            self._durations["attach"] = attach
        self._durations["cycle"] = sum(parts.values())

    def _describe(self, cycle: Cycle) -> None:
        for outcome in cycle.outcomes:
            for sample in outcome.samples:
                if sample.metric is GPU_INFO:
                    self._info = dict(zip(GPU_INFO.labels, sample.labels, strict=True))

    @property
    def _last_success(self) -> float | None:
        return self._before if self._answered is None else self._answered.wall

    def signs(self, now: Moment, patience: float) -> Signs:
        """Return what its state is judged by; an answer is fresh for `patience` seconds."""
        answered = self._answered
        return Signs(
            end=self._end,
            fresh=answered is not None and now.mono - answered.mono < patience,
            on_bus=self.place.on_bus,
            bound=self.place.bound,
            listed=self.place.listed,
            all_ones=self.place.all_ones,
            fell=self.place.fell > max(self._last_success or 0.0, self.resets.seen or 0.0),
        )

    def judge(self, signs: Signs, driver: DriverState | None) -> bool:
        """Take what the signs make of it, with the driver in this state; return whether it changed.

        Once known it never becomes unknown again.
        """
        state = shown_state(signs, driver)
        if state is None or state == self.state:
            return False
        told = {"gpu": self.labels[0], "uuid": self.uuid, "slot": self.slot, "state": state}
        if state is GpuState.OK:
            log.info("gpu answers", extra=told)
        elif state is GpuState.NOT_MANAGED:
            log.info("gpu is not ours", extra={**told, "problem": self._problem})
        else:
            problem = self._problem if own_state(signs) is state else f"driver is {driver}"
            log.warning("gpu in trouble", extra={**told, "problem": problem})
        self.state = state
        return True

    def answers(self, now: Moment) -> bool:
        """Whether its readings are shown: it answered a whole cycle lately."""
        return self._answered is not None and self.ledger.fresh(self._answered, now)

    def status(self, now: Moment) -> Iterator[Sample]:
        """Yield what stays when the GPU stops answering; nothing before it was first judged."""
        if self.state is None:
            return
        for state in GpuState:
            yield Sample(GPU_STATE, (*self.labels, state), float(state is self.state))
        if (last := self._last_success) is not None:
            yield Sample(GPU_LAST_SUCCESS, self.labels, last)
            yield Sample(GPU_AGE, self.labels, self._age(now))
        if (reset := self.resets.latest) is not None:
            yield Sample(GPU_RESET_TIMESTAMP, self.labels, reset)

    def _age(self, now: Moment) -> float:
        if self._answered is not None:
            return now.mono - self._answered.mono
        return max(0.0, now.wall - (self._before or now.wall))

    def info(self) -> Iterator[Sample]:
        """Yield who it is, or last was."""
        if self.state is not None and self.slot:
            gpu, uuid = self.labels
            now = {**self._info, "gpu": gpu, "uuid": uuid, "pci_bus_id": self.slot}
            yield Sample(GPU_INFO, tuple(now.get(label, "") for label in GPU_INFO.labels), 1)

    def readings(self, now: Moment) -> Iterator[Sample]:
        """Yield what the GPU said lately."""
        fresh = [s for s in self.ledger.samples(now) if s.metric is not GPU_INFO]
        if fresh:
            for name, metric in (("attach", GPU_ATTACH_DURATION), ("cycle", GPU_CYCLE_DURATION)):
                if name in self._durations:
                    yield Sample(metric, self.labels, self._durations[name])
        yield from fresh

    def xids(self) -> Iterator[Sample]:
        """Yield the Xids that NVML told of."""
        return self._heard.samples(self.labels)
