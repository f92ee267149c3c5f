"""What a facility is, and what one run of it yields."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from exporters.sample import Note, Sample

D_contra = TypeVar("D_contra", contravariant=True)


ATTACHED = "attached"
"""Stands for a facility in the first outcome a worker sends: the device is open."""


class State(StrEnum):
    """The state of a facility, as `railwatch_exporter_collector_state` shows it."""

    STARTING = "starting"
    OK = "ok"
    ABSENT = "absent"
    FAILED = "failed"
    HUNG = "hung"


class End(StrEnum):
    """How a worker's cycle ended."""

    OK = "ok"
    RESET_REQUIRED = "reset_required"
    LOST = "lost"
    """The device is lost; the worker has left."""
    ABSENT = "absent"
    """There is no driver to speak to; the worker has left."""
    NOT_MANAGED = "not_managed"
    """The device is not ours to read; the worker has left."""
    MISMATCH = "mismatch"
    """The library does not fit the driver; the worker has left."""
    FAILED = "failed"
    """The device could not be opened; the worker has left."""
    HUNG = "hung"
    """No answer by the deadline; the worker was told to end."""
    DIED = "died"
    """The worker ended without an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facility(Generic[D_contra]):
    """One thing that is read: a file of its own, a name of its own, a state of its own.

    Each reading yields the samples of one device and stands alone: one that raises costs only the
    samples it had not yet yielded. A facility without readings is worked out by the program from
    what the others say.
    """

    family: str
    name: str
    reads: str
    """What it reads, for `--help`."""
    readings: tuple[Callable[[D_contra], Iterable[Sample | Note]], ...] = ()
    on: bool = True
    """Whether it is read unless its flag says otherwise; detail that few need is off."""

    @property
    def key(self) -> str:
        """The facility's name as flags and logs have it."""
        return f"{self.family}.{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one run of one facility yielded."""

    facility: str
    state: State
    seconds: float = 0.0
    samples: tuple[Sample, ...] = ()
    notes: tuple[Note, ...] = ()
    problem: str = ""
    """What went wrong first, where something did."""
    device: End = End.OK
    """What a reading said of the device as a whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """What a worker sent from one order to its end."""

    outcomes: tuple[Outcome, ...]
    end: End
    problem: str = ""

    @property
    def complete(self) -> bool:
        """Whether the device answered every call of the cycle."""
        return self.end in (End.OK, End.RESET_REQUIRED)

    def notes(self, name: str) -> list[str | int | float]:
        """Return the values of all notes of this name, in order."""
        return [note.value for o in self.outcomes for note in o.notes if note.name == name]
