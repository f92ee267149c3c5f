"""The program's side of the topology family: keeps the last document for the page /topology."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from exporters.facility import Cycle
from exporters.family import SoloFamily
from exporters.ledger import Standing
from exporters.moment import Moment
from exporters.post import Fold, Pace, Post
from exporters.registry import TOPOLOGY
from exporters.sample import Sample
from exporters.settings import Settings
from exporters.topology.places import DOCUMENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The document as it was last made."""

    body: bytes
    tag: str
    """Another one for another content, in quotes as HTTP wants it."""
    read: Moment

    @classmethod
    def of(cls, text: str, read: Moment) -> "Document":
        """Return the document of a text that was made at a moment."""
        body = text.encode("utf-8", "replace")
        tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
        return cls(body=body, tag=tag, read=read)


class TopologyFamily:
    """What one worker finds, looked at seldom, as it seldom changes."""

    def __init__(
        self, settings: Settings, pace: Pace, tell: Fold = lambda _cycle, _now: None
    ) -> None:
        """Open the family's post; `tell` hears each cycle too."""
        self._tell = tell
        self._solo = SoloFamily(
            TOPOLOGY, settings, pace, listen=self._take, lasting=settings.lldp_listen
        )
        self.document: Document | None = None
        """The last; it stays when the worker hangs, and grows old."""

    @property
    def posts(self) -> Sequence[Post]:
        """The one post."""
        return self._solo.posts

    @property
    def settled(self) -> bool:
        """Whether it was looked at, or could not be."""
        return self._solo.settled

    def _take(self, cycle: Cycle, now: Moment) -> None:
        self._tell(cycle, now)
        for text in cycle.notes(DOCUMENT):
            self.document = Document.of(str(text), now)

    def standings(self, now: Moment) -> Iterator[Standing]:
        """Yield each facility as its record has it."""
        return self._solo.standings(now)

    def samples(self, now: Moment) -> Iterator[Sample]:
        """Yield what was found lately."""
        return self._solo.samples(now)
