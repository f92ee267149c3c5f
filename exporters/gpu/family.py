"""The program's side of the GPU family: a card for each GPU, and how they stand together."""

import logging
from collections.abc import Iterator
from dataclasses import replace

from catalog.gpu import GPU_DRIVER_INFO
from exporters.facility import Cycle, End, State
from exporters.gpu import identity, state, xid
from exporters.gpu.card import Card
from exporters.gpu.faults import Faults
from exporters.gpu.inventory import Entry, listing
from exporters.ledger import Record, Standing, state_after
from exporters.moment import Moment
from exporters.node.tail import Tail
from exporters.post import Pace, Post
from exporters.registry import GPU, chosen
from exporters.sample import Sample
from exporters.settings import Settings

log = logging.getLogger(__name__)

INVENTORY_INTERVALS = 12

_CERTAIN = ("lost", "reset_required", "missing")
"""States of a GPU that does not answer for which there is evidence beside its silence."""


class GpuFamily:
    """All GPUs of the node."""

    def __init__(self, settings: Settings, epoch: float, tail: Tail | None = None) -> None:
        """Open the inventory's post; it opens those of the GPUs.

        `tail` is the kernel's log: where it can be read, it is what counts faults.
        """
        self._settings = settings
        self._epoch = epoch
        self._names = tuple(f.name for f in chosen(GPU, settings.facilities))
        self._cards: list[Card] = []
        self._inventory: Cycle | None = None
        self._driver: tuple[Sample, ...] = ()
        self._faults = Faults()
        self._tail = tail
        self._told_source = ""
        if tail:
            tail.listen(self._faults)
        pace = Pace.of(settings.interval, epoch, intervals=INVENTORY_INTERVALS)
        self.posts = [
            Post(
                key="gpu inventory",
                family=GPU.name,
                target=dict,
                order=("the list of GPUs",),
                pace=pace,
                fold=self.enlist,
                lasting=False,
            )
        ]

    @property
    def cards(self) -> list[Card]:
        """The GPUs known, in order."""
        return sorted(self._cards, key=lambda card: (card.index, card.slot))

    @property
    def settled(self) -> bool:
        """Whether the GPUs were listed, each has answered or was seen not to, and so the log."""
        listed = self._inventory is not None and all(card.state for card in self._cards)
        return listed and (self._tail is None or self._tail.complete or self._tail.unreadable)

    def enlist(self, cycle: Cycle, now: Moment) -> None:
        """Take an inventory: a post for each new GPU; one no longer listed is missing."""
        self._inventory = cycle
        told = tuple(s for o in cycle.outcomes for s in o.samples if s.metric is GPU_DRIVER_INFO)
        self._driver = told or (() if cycle.end is End.ABSENT else self._driver)
        found = listing(cycle)
        listed = [self._card(entry) for entry in found.entries]
        if found.complete:
            for card in self._cards:
                if card not in listed and not card.answers(now):
                    card.miss()

    def _card(self, entry: Entry) -> Card:
        for card in self._cards:
            if entry.slot and card.slot == entry.slot:
                return card
        for card in self._cards:
            if card.index == entry.index and not (entry.slot and card.slot):
                card.slot = card.slot or entry.slot
                return card
        return self._open(entry)

    def _open(self, entry: Entry) -> Card:
        card = Card(entry, self._names, self._settings.interval)
        self._cards.append(card)
        self.posts.append(
            Post(
                key=f"gpu {entry.slot or entry.index}",
                family=GPU.name,
                target=card.target,
                order=self._names,
                pace=Pace.of(self._settings.interval, self._epoch),
                fold=card.fold,
            )
        )
        return card

    def standings(self, now: Moment) -> Iterator[Standing]:
        """Yield how each facility stands on the GPUs that answer; the others do not count."""
        answering = [card for card in self._cards if card.answers(now)]
        silence = self._silence()
        for name in self._names:
            records = [card.ledger.records[name] for card in answering]
            standing = self._standing(name, _worst(records) or Record(state=silence), now)
            if name == xid.FACILITY.name and silence is not State.ABSENT:
                standing = self._of_log(standing, now)
            known = not answering and name == state.FACILITY.name and self._known()
            yield replace(standing, state=State.OK) if known else standing

    def _standing(self, name: str, record: Record, now: Moment) -> Standing:
        heard = [card.ledger.records[name] for card in self._cards]
        ages = [age for one in heard if (age := one.age(now)) is not None]
        return Standing(
            family=GPU.name,
            facility=name,
            state=record.state,
            age=min(ages, default=None),
            seconds=max((one.seconds for one in heard if one.seconds is not None), default=None),
            problem=record.problem or self._problem(record.state),
        )

    def _of_log(self, standing: Standing, now: Moment) -> Standing:
        """Return how the Xids stand: as the kernel's log does, unless there is none to go by."""
        if self._tail is None or self._tail.unreadable:
            return standing
        record = self._tail.record
        return replace(
            standing,
            state=record.state if self._tail.complete else State.STARTING,
            age=record.age(now),
            seconds=record.seconds,
            problem=record.problem,
        )

    def _known(self) -> bool:
        """Whether the state of a GPU that does not answer is known for certain."""
        return any(card.state in _CERTAIN for card in self._cards)

    def _silence(self) -> State:
        """Return how a facility stands where no GPU answers."""
        if self._inventory is None:
            return State.STARTING
        if self._inventory.end is End.ABSENT or not self._cards:
            return state_after(self._inventory.end)
        states = {card.state for card in self._cards}
        if "" in states:
            return State.STARTING
        return State.HUNG if "hung" in states else State.FAILED

    def _problem(self, state: State) -> str:
        if state in (State.OK, State.STARTING) or self._inventory is None:
            return ""
        return self._inventory.problem

    def samples(self, now: Moment) -> Iterator[Sample]:
        """Yield what is known of the driver and of each GPU."""
        if identity.FACILITY.name in self._names:
            yield from self._driver
        for card in self.cards:
            card.name(self._faults.uuid(card.slot))
            if state.FACILITY.name in self._names:
                yield from card.status(now)
            yield from card.readings(now)
        if xid.FACILITY.name in self._names:
            yield from self._xids()

    def _xids(self) -> Iterator[Sample]:
        """Yield the faults of one source: both would count each twice."""
        if self._tail is None or self._tail.unreadable:
            self._tell_source("NVML events", self._tail.record.problem if self._tail else "")
            for card in self.cards:
                yield from card.xids()
        elif self._tail.complete:
            self._tell_source("kernel log")
            yield from self._faults.samples(self.cards)

    def _tell_source(self, source: str, problem: str = "") -> None:
        """Log where Xids come from, once and when it changes."""
        if source == self._told_source:
            return
        self._told_source = source
        level = logging.WARNING if problem else logging.INFO
        why = {"kernel_log": problem} if problem else {}
        log.log(level, "xids are counted", extra={"source": source, **why})


_WORST_FIRST = (State.FAILED, State.OK, State.ABSENT)


def _worst(records: list[Record]) -> Record | None:
    """Return a failed record, else one that is well, else one with nothing to read."""
    return min(records, key=lambda r: _WORST_FIRST.index(r.state), default=None)
