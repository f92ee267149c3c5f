"""Queues with all they stand on: the declaration, the engines' queues, and who gives back."""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from catalog.scheduler_queue import OURS, QUEUE_NONE
from scheduler_feedback.errors import KubeError
from scheduler_feedback.gang.pods import Claim
from scheduler_feedback.gang.quotas import Found
from scheduler_feedback.gang.schedule import Gate, Open, Schedule
from scheduler_feedback.queue.book import Book
from scheduler_feedback.queue.devices import Devices
from scheduler_feedback.queue.engines import Engines, Reading
from scheduler_feedback.queue.file import QueueFile
from scheduler_feedback.queue.gate import QuotaGate
from scheduler_feedback.queue.giveback import GiveBack
from scheduler_feedback.queue.reclaim import Scene
from scheduler_feedback.queue.told import Told

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """What is told of our own queues after a pass."""

    told: tuple[Told, ...]
    good: bool
    """Whether the declaration in force is the one in the file."""


class Queues:
    """What gangs meet as quotas, and what the metrics tell of all queues."""

    def __init__(
        self,
        file: QueueFile | None,
        engines: Engines,
        giving: GiveBack | None,
        *,
        leading: Callable[[], bool],
    ) -> None:
        """Put the parts together; without `giving` nothing is reclaimed."""
        self.devices = Devices()
        """What ResourceClaims hold, as far as somebody follows them."""
        self._file = file
        self._engines = engines
        self._giving = giving
        self._leading = leading
        self._gate: QuotaGate | None = None
        self.census: Census | None = None
        """None before the first pass, and without a declaration."""
        self._lost: dict[str, str] = {}
        """Why each part of giving back failed last."""

    def run(self, stop: threading.Event, interval: float) -> None:
        """Read the engines' queues until stopped, while this replica leads."""
        while not stop.is_set():
            if self._leading():
                self._engines.refresh()
                self._resume()
            else:
                self.census = None
                self._engines.readings = {}
            stop.wait(interval)

    def _resume(self) -> None:
        """Resume the Jobs that have given back."""
        if self._giving is not None:
            self._try("no Job is resumed", self._giving.resume)

    @property
    def readings(self) -> Sequence[tuple[str, Reading]]:
        """What the engines' queues told last, by kind."""
        return tuple(self._engines.readings.items())

    def open(self, found: Found) -> Gate:
        """Return what the queues let in now; everything without a declaration."""
        self._gate = None
        if self._file is None:
            return Open()
        declared = self._file.current()
        devices = self.devices.taken(declared.device_classes, found.claims)
        book = Book(declared, [*found.claims, *devices], self._engines.served)
        self._gate = QuotaGate(book, self._scene(found, devices))
        return self._gate

    def settle(self, found: Found, made: Schedule) -> None:
        """Take note of what became of the gangs; let give back who has to."""
        gate = self._gate
        if gate is None or self._file is None:
            return
        self.census = Census(told=_told(gate.book, found, made), good=self._file.good)
        giving, reclaim = self._giving, gate.reclaim
        if giving is None:
            return
        if reclaim is not None:
            self._try("nothing is reclaimed", lambda: giving.act(reclaim))
        self._try("no request is taken back", lambda: giving.withdraw(found.members))

    def _try(self, lost: str, act: Callable[[], None]) -> None:
        """Do it; where that fails, log once what is lost."""
        try:
            act()
        except KubeError as error:
            if error.reason != self._lost.get(lost):
                log.warning(lost, extra={"reason": error.reason, "error": str(error)})
            self._lost[lost] = error.reason
        else:
            self._lost.pop(lost, None)

    def _scene(self, found: Found, devices: Sequence[Claim]) -> Scene | None:
        if self._giving is None:
            return None
        running = [group.gang for group in found.groups if group.gang.placed]
        return Scene(
            running=running,
            going=[claim for claim in (*found.claims, *devices) if claim.going],
            begun=frozenset(
                m.key for m in found.members if m.node and (m.terminating or m.gives_way)
            ),
            kept=self._giving.kept({gang.key for gang in running}),
        )


def _told(book: Book, found: Found, made: Schedule) -> tuple[Told, ...]:
    """Return what each queue has and uses after the pass, and who waits in it for what."""
    waiting = _waiting(book, made, found)
    told = []
    for queue in book.declaration.queues:
        used = book.used(queue)
        told.append(
            Told(
                kind=OURS,
                queue=queue.name,
                guaranteed={r: quota.guaranteed for r, quota in queue.quotas.items()},
                limit={r: q.limit for r, q in queue.quotas.items() if q.limit is not None},
                borrowable={r: quota.borrowable for r, quota in queue.quotas.items()},
                used={r: used[r] for r in queue.quotas},
                borrowed={r: book.over(queue, r) for r in queue.quotas},
                waiting=waiting.get(queue.name, {}),
            )
        )
    none = Told(kind=OURS, queue=QUEUE_NONE, waiting=waiting.get(QUEUE_NONE, {}))
    return (*told, none)


def _waiting(book: Book, made: Schedule, found: Found) -> dict[str, Counter[str]]:
    waiting: dict[str, Counter[str]] = {}
    for namespace, reason in _refused(made, found):
        queue = book.queue_of(namespace)
        name = QUEUE_NONE if queue is None else queue.name
        waiting.setdefault(name, Counter())[reason] += 1
    return waiting


def _refused(made: Schedule, found: Found) -> Iterable[tuple[str, str]]:
    """Yield namespace and reason of every gang that waits."""
    for refusal in made.refused:
        yield refusal.gang.namespace, refusal.reason
    for each in found.unfit:
        yield each.members[0].namespace, each.reason
