"""Quotas as the gang planner meets them in one pass: a book, and who gives way. Pure."""

from collections.abc import Sequence

from scheduler_feedback.gang.fleet import Fleet
from scheduler_feedback.gang.model import Gang, Rank
from scheduler_feedback.gang.place import Refusal
from scheduler_feedback.queue.book import Book
from scheduler_feedback.queue.reclaim import Fits, Reclaim, Scene, choose


class QuotaGate:
    """Lets gangs in by their queues' quotas."""

    def __init__(self, book: Book, scene: Scene | None = None) -> None:
        """Begin with what is used now; without a scene nobody gives back what was borrowed."""
        self.book = book
        self._scene = scene
        self.reclaim: Reclaim | None = None
        """Who gives way to whom, once those within their guarantee have been placed."""

    def borrows(self, gang: Gang) -> bool:
        """Whether a gang comes after those within their guarantee."""
        return self.book.borrows(gang)

    def admit(self, gang: Gang) -> Gang | Refusal:
        """Return what may be placed of a gang, or why nothing."""
        return self.book.admit(gang)

    def take(self, gang: Gang, ranks: Sequence[Rank]) -> None:
        """Count ranks that were placed."""
        self.book.take(gang, ranks)

    def before_borrowers(self, refused: Sequence[Refusal], fleet: Fleet, fits: Fits) -> None:
        """Choose who gives way, and keep what they borrowed from being borrowed again."""
        if self._scene is None:
            return
        self.reclaim = choose(refused, self.book, self._scene, fleet, fits)
        if self.reclaim is not None:
            self.book.close(self.reclaim.resources, self.reclaim.gang.key)
