"""The GPUs of a node: found on the bus, in the driver's list, in memory; each with its post."""

from collections.abc import Callable, Iterable, Mapping

from exporters.facility import Cycle
from exporters.gpu.card import Card
from exporters.gpu.inventory import Entry, Listing
from exporters.gpu.pci import Function
from exporters.gpu.remembered import Remembered
from exporters.moment import Moment
from exporters.post import Pace, Post
from exporters.registry import GPU


class Roster:
    """One card and one post a GPU; a card once made stays, as a GPU that is gone is still told."""

    def __init__(  # noqa: PLR0913 - what a card and its post are made of, all by keyword
        self,
        *,
        facilities: tuple[str, ...],
        interval: float,
        pace: Pace,
        remembered: Mapping[str, Remembered],
        wanted: Callable[[], bool],
        hear: Callable[[Card, Cycle, Moment], None],
    ) -> None:
        """Begin without a GPU; `wanted` says whether any may be read, `hear` takes its cycles."""
        self._facilities = facilities
        self._interval = interval
        self._pace = pace
        self._remembered = remembered
        self._wanted = wanted
        self._hear = hear
        self._posts: dict[Card, Post] = {}

    @property
    def cards(self) -> list[Card]:
        """The GPUs known, in order."""
        return sorted(self._posts, key=lambda card: (card.index, card.slot))

    @property
    def posts(self) -> list[Post]:
        """One a GPU, in the order they were found."""
        return list(self._posts.values())

    def slot(self, slot: str) -> Card | None:
        """Return the GPU in a slot."""
        return next((card for card in self._posts if card.slot == slot), None)

    def hasten(self, card: Card, now: Moment) -> None:
        """Have a GPU tried at once: there is a sign that it is back."""
        self._posts[card].hasten(now)

    def forget(self) -> None:
        """Let the next answer of each GPU decide, not its last: they were left alone."""
        for card in self._posts:
            card.forget()

    def expect(self, slots: Iterable[str]) -> None:
        """Take GPUs that should be there; those of them that nobody has shown are missing."""
        for slot in slots:
            if self.slot(slot) is None:
                self._open(Entry(slot=slot)).place.listed = False

    def see(self, functions: Mapping[str, Function], now: Moment) -> bool:
        """Take what the bus shows; return whether it is anything else than before.

        A function that was removed and added anew has been reset, and is tried at once.
        """
        changed = False
        for slot in functions:
            if self.slot(slot) is None:
                self._open(Entry(slot=slot))
        for card in self._posts:
            if card.see(functions.get(card.slot), now, whole=bool(functions)):
                self.hasten(card, now)
                changed = True
        return changed

    def enlist(self, found: Listing, now: Moment) -> None:
        """Take the driver's list; who is not in a whole one, and does not answer, is not listed."""
        listed = [self._card(entry) for entry in found.entries]
        for card in listed:
            card.place.listed = card.place.shown = True
        if found.complete:
            for card in self._posts:
                if card not in listed and not card.answers(now):
                    card.place.listed = False

    def _card(self, entry: Entry) -> Card:
        if entry.slot and (there := self.slot(entry.slot)) is not None:
            there.index = entry.index
            return there
        for card in self._posts:
            if card.index == entry.index and not (entry.slot and card.slot):
                card.slot = card.slot or entry.slot
                return card
        return self._open(entry)

    def _open(self, entry: Entry) -> Card:
        known = self._remembered.get(entry.slot)
        card = Card(entry, self._facilities, self._interval, known)
        self._posts[card] = Post(
            key=f"gpu {entry.slot or entry.index}",
            family=GPU.name,
            target=card.target,
            order=self._facilities,
            pace=self._pace,
            fold=lambda cycle, now: self._hear(card, cycle, now),
            wanted=lambda: card.readable and self._wanted(),
        )
        return card
