"""The program's side of the fabric family: what changed since the program started.

Kept here, so that a worker's end forgets nothing; forgotten when the program ends.
"""

import json
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from catalog.fabric import (
    CHANGES,
    FABRIC_CHANGES,
    FABRIC_LINK_LOST,
    FABRIC_MADS,
    FABRIC_TOOL_FAILURES,
    TOOL_FAILURES,
)
from exporters.fabric.difference import Change, Ends, Joint, Memory
from exporters.fabric.fabric import TOOLS
from exporters.fabric.notes import DOCUMENT, FAILURE, MADS
from exporters.facility import Cycle
from exporters.family import SoloFamily
from exporters.ledger import Standing
from exporters.moment import Moment
from exporters.post import Pace, Post
from exporters.registry import FABRIC
from exporters.sample import Sample
from exporters.settings import Settings
from exporters.topology.family import Document

MOST_CHANGES = 200
"""Changes that the document tells of, the newest."""

MOST_LOST = 500
"""Lost links that are named."""


class FabricFamily:
    """What one worker finds, and what became of it since the program started."""

    def __init__(self, settings: Settings, epoch: float) -> None:
        """Open the family's post."""
        self._solo = SoloFamily(FABRIC, settings, pace(settings, epoch), listen=self._take)
        self._memory = Memory()
        self._history = deque[dict[str, Any]](maxlen=MOST_CHANGES)
        self._changes = Counter[str]()
        self._failures = Counter[tuple[str, str]]()
        self._mads = 0
        self._names: dict[str, str] = {}
        """Descriptions by GUID, also of nodes that are gone."""
        self._switches = set[str]()
        self.document: Document | None = None
        """The last; it stays when the worker hangs, and grows old."""

    @property
    def posts(self) -> Sequence[Post]:
        """The one post."""
        return self._solo.posts

    @property
    def settled(self) -> bool:
        """Whether the fabric was looked at, or could not be."""
        return self._solo.settled

    def _take(self, cycle: Cycle, now: Moment) -> None:
        self._mads += sum(int(spent) for spent in cycle.notes(MADS))
        for failure in cycle.notes(FAILURE):
            tool, _, reason = str(failure).partition(" ")
            self._failures[tool, reason] += 1
        for text in cycle.notes(DOCUMENT):
            self._remember(json.loads(str(text)), now)

    def _remember(self, found: dict[str, Any], now: Moment) -> None:
        """Take a new discovery's document, and add what changed since the last ones."""
        self._names |= {one["guid"]: one["name"] for one in (*found["switches"], *found["hcas"])}
        self._switches |= {one["guid"] for one in found["switches"]}
        links = frozenset(frozenset((Joint(a, i), Joint(b, j))) for a, i, b, j in found["links"])
        for change in self._memory.take(links, complete=found["complete"]):
            self._changes[change.what] += 1
            self._history.append(self._told(change, now))
        found |= {
            "lost": [self._ends(ends) for ends in self._memory.lost()],
            "changes": list(self._history),
        }
        self.document = Document.of(json.dumps(found, separators=(",", ":")), now)

    def _told(self, change: Change, now: Moment) -> dict[str, Any]:
        return {
            "at": now.wall,
            "change": change.what,
            "before": self._ends(change.before),
            "after": self._ends(change.after),
        }

    def _ends(self, ends: Ends) -> list[dict[str, Any]]:
        return [
            {"guid": end.guid, "name": self._names.get(end.guid, ""), "port": end.port}
            for end in sorted(ends)
        ]

    def _labels(self, ends: Ends) -> tuple[str, ...]:
        """Return a link's labels, a switch's end first."""
        told = sorted(ends, key=lambda end: (end.guid not in self._switches, end))
        return tuple(
            text
            for end in told
            for text in (end.guid, self._names.get(end.guid, ""), str(end.port))
        )

    def standings(self, now: Moment) -> Iterator[Standing]:
        """Yield each facility as its record has it."""
        return self._solo.standings(now)

    def samples(self, now: Moment) -> Iterator[Sample]:
        """Yield what was found lately, and what became of it."""
        yield from self._solo.samples(now)
        for change in CHANGES:
            yield Sample(FABRIC_CHANGES, (change,), self._changes[change])
        for ends in islice(self._memory.lost(), MOST_LOST):
            yield Sample(FABRIC_LINK_LOST, self._labels(ends), 1)
        for tool in TOOLS:
            for reason in TOOL_FAILURES:
                yield Sample(FABRIC_TOOL_FAILURES, (tool, reason), self._failures[tool, reason])
        yield Sample(FABRIC_MADS, (), self._mads)


def pace(settings: Settings, epoch: float) -> Pace:
    """Return the pace of discoveries: a worker may wait for each tool, and for the budget."""
    interval, tool = settings.fabric_interval, settings.fabric_timeout
    return Pace(
        epoch=epoch,
        period=interval,
        cycle=2 * interval + 4 * tool,
        group=interval + 3 * tool,
        retry=min(interval, 10.0),
        retry_limit=2 * interval + 4 * tool,
        awaited=False,
    )
