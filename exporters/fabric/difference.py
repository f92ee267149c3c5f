"""What changed between two discoveries, and what is lost since the first."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from catalog.fabric import ADDED, LOST, MOVED


class Joint(NamedTuple):
    """One end of a link, by what outlasts a discovery."""

    guid: str
    """The port GUID, as the metrics have it."""
    port: int


Ends = frozenset[Joint]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of a link; `before` is empty where it was added, `after` where it was lost."""

    what: str
    before: Ends = frozenset()
    after: Ends = frozenset()


def changes(before: frozenset[Ends], after: frozenset[Ends]) -> list[Change]:
    """Return how links became others; one whose end is linked otherwise now was moved."""
    gone, new = before - after, after - before
    at = {end: link for link in new for end in link}
    found, taken = [], set[Ends]()
    for link in _in_order(gone):
        target = next((at[end] for end in sorted(link) if end in at and at[end] not in taken), None)
        if target is None:
            found.append(Change(what=LOST, before=link))
        else:
            taken.add(target)
            found.append(Change(what=MOVED, before=link, after=target))
    found += [Change(what=ADDED, after=link) for link in _in_order(new - taken)]
    return found


def _in_order(links: Iterable[Ends]) -> list[Ends]:
    return sorted(links, key=sorted)


class Memory:
    """The links seen so far. A discovery that is not complete proves no link's absence."""

    def __init__(self) -> None:
        """Begin with none."""
        self._seen: set[Ends] = set()
        self._last: frozenset[Ends] | None = None

    def take(self, links: frozenset[Ends], *, complete: bool) -> list[Change]:
        """Return what changed since the last discovery; nothing for the first."""
        now = links if complete else links | self._unproven(links)
        before, self._last = self._last, now
        self._seen |= now
        self._forget_moved(now)
        return [] if before is None else changes(before, now)

    def _unproven(self, links: frozenset[Ends]) -> frozenset[Ends]:
        """Return the links that were there last, and that no other link has taken an end of."""
        taken = {end for link in links for end in link}
        return frozenset(link for link in self._last or () if not link & taken)

    def _forget_moved(self, now: frozenset[Ends]) -> None:
        ends = {end for link in now for end in link}
        self._seen = {link for link in self._seen if link in now or not link & ends}

    def lost(self) -> Iterator[Ends]:
        """Yield the links that were seen and are not there, in order."""
        yield from _in_order(self._seen - (self._last or frozenset()))
