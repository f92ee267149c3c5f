"""The program's side of the kernel's log: keeps the place in it, passes each new line on once."""

from typing import Protocol

from exporters.facility import Cycle, State
from exporters.ledger import Record
from exporters.node.kernel_log import AT_END, BOOT_ID, LINE, LOST, NEXT, Entry
from exporters.post import Target


class Listener(Protocol):
    """Who counts what the log tells."""

    def begin(self) -> None:
        """Take that another boot has begun: what was heard before belongs to the last one."""

    def hear(self, entry: Entry) -> None:
        """Take one line of this boot; each comes once, in order."""


class Tail:
    """The log of this boot, followed."""

    def __init__(self, record: Record) -> None:
        """Take the record of the facility, as its family keeps it."""
        self.record = record
        self.complete = False
        """Whether the log was once read to its end: since then, what was heard is all there is."""
        self.lost = 0
        """Records that were overwritten before they were read."""
        self._boot = ""
        self._next = 0
        self._listeners: list[Listener] = []

    @property
    def unreadable(self) -> bool:
        """Whether there is no log to go by, and never was in this boot."""
        return not self.complete and self.record.state not in (State.STARTING, State.OK)

    def listen(self, listener: Listener) -> None:
        """Pass every line from now on to this listener too."""
        self._listeners.append(listener)

    def target(self) -> Target:
        """Return where a worker is to begin."""
        return {BOOT_ID: self._boot, NEXT: self._next}

    def take(self, cycle: Cycle) -> None:
        """Take what a worker told."""
        for boot in cycle.notes(BOOT_ID):
            self._enter(str(boot))
        for note in cycle.notes(LINE):
            self._pass_on(Entry.of(str(note)))
        for sequence in cycle.notes(NEXT):
            self._next = int(sequence)
        for lost in cycle.notes(LOST):
            self.lost += int(lost)
        self.complete = self.complete or any(cycle.notes(AT_END))

    def _enter(self, boot: str) -> None:
        if boot == self._boot:
            return
        if self._boot:
            for listener in self._listeners:
                listener.begin()
        self._boot, self._next, self.lost, self.complete = boot, 0, 0, False

    def _pass_on(self, entry: Entry) -> None:
        if entry.sequence < self._next:
            return
        self._next = entry.sequence + 1
        for listener in self._listeners:
            listener.hear(entry)
