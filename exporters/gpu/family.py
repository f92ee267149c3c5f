"""The program's side of the GPU family: a card for each GPU, and how they stand together."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace

from catalog.gpu import GPU_DRIVER_INFO
from catalog.gpu_state import (
    GPU_DEADLINE,
    GPU_DRIVER_STATE,
    GPU_EXPECTED,
    Calls,
    DriverState,
    GpuState,
)
from exporters.expected import Expected
from exporters.facility import Cycle, End, State
from exporters.gpu import identity, pci, remembered, state, xid
from exporters.gpu.card import Card
from exporters.gpu.faults import Faults
from exporters.gpu.hold import Hold
from exporters.gpu.inventory import COUNT, listing
from exporters.gpu.judgement import driver_state
from exporters.gpu.learning import Learning
from exporters.gpu.mismatch import Mismatch
from exporters.gpu.remembered import Remembered
from exporters.gpu.roster import Roster
from exporters.gpu.standings import is_certain, silence, standing
from exporters.gpu.voice import Voice
from exporters.keeping import Keeping
from exporters.ledger import Standing
from exporters.machine import Machine
from exporters.moment import Moment
from exporters.node.tail import Tail
from exporters.post import Pace, Post, Target
from exporters.registry import GPU, chosen
from exporters.sample import Sample
from exporters.settings import Settings

log = logging.getLogger(__name__)

INVENTORY_INTERVALS = 12
DOUBT_INTERVALS = 2
KEPT_EVERY = 300.0
"""Seconds after which the time of a GPU's last answer is kept anew; all else is kept at once."""

SECTION = "gpu"


class GpuFamily:
    """All GPUs of the node."""

    def __init__(
        self,
        settings: Settings,
        epoch: float,
        tail: Tail | None = None,
        keeping: Keeping | None = None,
        declared: Callable[[], Expected | None] = lambda: None,
    ) -> None:
        """Open the inventory's post; it opens those of the GPUs.

        `tail` is the kernel's log: where it can be read, it is what counts faults.
        """
        self._settings = settings
        self._names = tuple(f.name for f in chosen(GPU, settings.facilities))
        self._keeping = keeping or Keeping("", Machine())
        known = _remembered(self._keeping)
        learned = frozenset(slot for slot, one in known.items() if one.learned)
        self.learning = Learning(declared, learned, settings.interval)
        self._known = known
        self._hold = Hold(settings)
        self._hold.look()
        self._bus = pci.Bus(settings.sysfs)
        self._pace = Pace.of(settings.interval, epoch)
        self._roster = Roster(
            facilities=self._names,
            interval=settings.interval,
            pace=self._pace,
            remembered=known,
            wanted=lambda: self._hold.free,
            hear=self._hear,
        )
        self._inventory: Cycle | None = None
        self._whole = False
        """Whether the driver's last list was whole."""
        self.driver: DriverState | None = None
        self._mismatch = Mismatch(settings, self._keeping)
        self._versions: tuple[Sample, ...] = ()
        self._faults = Faults()
        self._voice = Voice(self._faults, tail)
        self._look_due = self._keep_due = 0.0
        self._listing = self._own_post("inventory", INVENTORY_INTERVALS, epoch)
        self._doubting = self._own_post("pci", DOUBT_INTERVALS, epoch)

    def _own_post(self, name: str, intervals: int, epoch: float) -> Post:
        is_list = name == "inventory"
        return Post(
            key=f"gpu {name}",
            family=GPU.name,
            target=dict if is_list else self._doubts,
            order=("the list of GPUs" if is_list else "the configuration space",),
            pace=Pace.of(self._settings.interval, epoch, intervals=intervals),
            fold=self.enlist if is_list else self._look_closer,
            lasting=False,
            wanted=lambda: self._hold.free and (is_list or bool(self._doubts())),
        )

    @property
    def posts(self) -> list[Post]:
        """Those of the list, of GPUs in doubt, and one a GPU."""
        return [self._listing, self._doubting, *self._roster.posts]

    @property
    def cards(self) -> list[Card]:
        """The GPUs known, in order."""
        return self._roster.cards

    @property
    def settled(self) -> bool:
        """Whether the GPUs were listed, each has answered or was seen not to, and so the log."""
        listed = self._inventory is not None and all(card.state for card in self.cards)
        return self._voice.settled and (listed or not self._hold.free)

    def look(self, now: Moment) -> None:
        """Look, once an interval, at what can be had without waiting: the bus, requests to hold."""
        if now.mono < self._look_due:
            return
        self._look_due = now.mono + self._settings.interval
        if self._hold.look() and self._hold.free:
            self._roster.forget()
        if self._inventory is not None:
            self._scan(now)
        self._judge(now)
        if now.mono >= self._keep_due:
            self._keep(now)

    def _scan(self, now: Moment) -> None:
        functions = self._bus.scan()
        if functions is not None and self._roster.see(functions, now):
            self._listing.hasten(now)

    def _doubts(self) -> Target:
        """Return the GPUs whose configuration space is to be looked at: they failed to answer."""
        slots = [card.slot for card in self.cards if card.place.function and card.doubtful]
        return {pci.DOUBTED: " ".join(slots)} if slots else {}

    def _look_closer(self, cycle: Cycle, now: Moment) -> None:
        for slot, answers in pci.answers(cycle).items():
            card = self._roster.slot(slot)
            if card is not None and card.doubtful:
                back = card.place.all_ones and answers
                card.place.all_ones = not answers
                if back:
                    self._roster.hasten(card, now)
        self._judge(now)

    def enlist(self, cycle: Cycle, now: Moment) -> None:
        """Take an inventory: a post for each new GPU; one no longer listed is missing."""
        self._inventory = cycle
        told = tuple(s for o in cycle.outcomes for s in o.samples if s.metric is GPU_DRIVER_INFO)
        self._versions = told or (() if cycle.end is End.ABSENT else self._versions)
        found = listing(cycle)
        self._whole = found.complete
        self._roster.enlist(found, now)
        self._scan(now)
        self._roster.expect(sorted(self.learning.slots))
        self._scan(now)
        self._judge(now)

    def _hear(self, card: Card, cycle: Cycle, now: Moment) -> None:
        failed = card.readable and not card.doubtful and not cycle.complete
        card.fold(cycle, now)
        if failed:
            self._listing.hasten(now)
        self._judge(now)

    def _judge(self, now: Moment) -> None:
        """Decide again in what state everything is."""
        for card in self.cards:
            card.place.fell = self._faults.fell(card.slot)
            if (reset := self._faults.reset(card.slot)) is not None:
                card.resets.at(reset)
        signs = {card: card.signs(now, self._pace.cycle) for card in self.cards}
        present = any(card.place.on_bus and card.place.free for card in signs)
        held = not self._hold.free
        driver = driver_state(signs.values(), self._list_end, present=present, held=held)
        self._become(driver)
        changed = [card.judge(signs[card], driver) for card in signs]
        if self.learning.observe(self._healthy(), now) or any(changed):
            self._keep(now)

    @property
    def _list_end(self) -> End | None:
        """How the last list ended: OK once the driver counted, though a GPU then hung it."""
        if self._inventory is None:
            return None
        return End.OK if self._inventory.notes(COUNT) else self._inventory.end

    def _become(self, driver: DriverState | None) -> None:
        if driver is not self.driver:
            if driver in (None, DriverState.OK, DriverState.HELD):
                log.info("driver", extra={"state": driver, "was": self.driver})
            else:
                problem = self._inventory.problem if self._inventory else ""
                told = {"state": driver, "was": self.driver, "problem": problem}
                log.warning("driver in trouble", extra=told)
            self.driver = driver
        self._mismatch.judge(driver)

    def _healthy(self) -> frozenset[str] | None:
        """Return the slots of our GPUs where nothing at all is amiss, None where something is."""
        if not self._whole or self.driver is not DriverState.OK:
            return None
        ours = [card for card in self.cards if card.state is not GpuState.NOT_MANAGED]
        if not ours or any(card.state is not GpuState.OK or not card.slot for card in ours):
            return None
        return frozenset(card.slot for card in ours)

    def _keep(self, now: Moment) -> None:
        self._keep_due = now.mono + KEPT_EVERY
        if self._inventory is None:
            return
        learned = self.learning.learned
        kept = {slot: one for slot, one in self._known.items() if one.learned}
        for card in self.cards:
            if card.slot and (card.uuid or card.slot in learned):
                kept[card.slot] = card.remembered(learned=card.slot in learned)
        self._keeping.keep(SECTION, remembered.section(kept))

    def standings(self, now: Moment) -> Iterator[Standing]:
        """Yield how each facility stands on the GPUs that answer; the others do not count."""
        held = self._hold.reason
        cards = self.cards
        silent = silence(cards, self._inventory, held)
        answering = any(card.answers(now) for card in cards)
        for name in self._names:
            found = standing(name, cards, self._inventory, held, now)
            if name == xid.FACILITY.name and silent is not State.ABSENT:
                found = self._voice.standing(found, now)
            known = not answering and name == state.FACILITY.name and is_certain(cards)
            yield replace(found, state=State.OK) if known else found

    def samples(self, now: Moment) -> Iterator[Sample]:
        """Yield what is known of the driver and of each GPU."""
        if identity.FACILITY.name in self._names:
            yield from self._versions
        yield from self._together()
        for card in self.cards:
            card.name(self._faults.uuid(card.slot))
            if state.FACILITY.name in self._names:
                yield from card.status(now)
            if identity.FACILITY.name in self._names:
                yield from card.info()
            yield from card.readings(now)
        if xid.FACILITY.name in self._names:
            yield from self._voice.samples(self.cards)

    def _together(self) -> Iterator[Sample]:
        """Yield what concerns all GPUs."""
        if state.FACILITY.name not in self._names:
            return
        if self.driver is not None:
            for one in DriverState:
                yield Sample(GPU_DRIVER_STATE, (one,), float(one is self.driver))
        if (expected := self.learning.count) is not None:
            yield Sample(GPU_EXPECTED, (expected[0],), expected[1])
        if self.cards:
            pace = self._pace
            for calls, seconds in zip(Calls, (pace.attach, pace.group, pace.cycle), strict=True):
                yield Sample(GPU_DEADLINE, (calls,), seconds)


def _remembered(keeping: Keeping) -> dict[str, Remembered]:
    """Return what is remembered, by slot; nothing where it makes no sense."""
    try:
        return {one.slot: one for one in remembered.read(keeping.section(SECTION))}
    except ValueError as error:
        log.warning("kept GPUs left aside: all is learned anew", extra={"problem": str(error)})
        return {}
