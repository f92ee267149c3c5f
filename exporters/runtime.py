"""What runs in a worker: facilities, so that one's failure is its own, and the loop around them.

This is the one place that catches everything: whatever a reading raises becomes the state of its
facility, and the readings beside it go on.
"""

import socket
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

from exporters import footprint, frames
from exporters.errors import (
    Absent,
    DeviceLost,
    Mismatch,
    NoDriver,
    NotManaged,
    ReadingError,
    ResetRequired,
)
from exporters.facility import ATTACHED, End, Facility, Outcome, State
from exporters.sample import Note, Sample

D = TypeVar("D")

_MICRO = 6
"""Digits of a duration."""

_LET_GO_EVERY = 12
"""Cycles. Rarer, more is left lying; at each, what is made anew is strewn over more pages."""

GONE = (End.LOST, End.ABSENT)
"""What a reading may say of its device that makes every further one pointless."""


class Session(Protocol):
    """A device, opened: what a worker works on."""

    @property
    def notes(self) -> tuple[Note, ...]:
        """What opening it told."""

    @property
    def lasting(self) -> bool:
        """Whether the worker stays for the next order after its first cycle."""

    def cycle(self) -> Iterator[Outcome]:
        """Read everything once, one facility at a time."""


def work(channel: socket.socket, attach: Callable[[], Session]) -> None:
    """Open the device, read it once, then once more for each byte received.

    Every outcome is sent when it is there, so that the other side knows which call hangs.
    """
    voice = _Voice(channel)
    try:
        began = time.monotonic()
        session = attach()
        opened = Outcome(
            facility=ATTACHED,
            state=State.OK,
            seconds=time.monotonic() - began,
            notes=session.notes,
        )
        voice.say(opened)
        ordered, cycles = True, 0
        while ordered:
            end = _cycle(voice, session)
            cycles += 1
            if cycles % _LET_GO_EVERY == 0:
                footprint.let_go()
            ordered = end in (End.OK, End.RESET_REQUIRED) and session.lasting and _ordered(channel)
    except Exception as error:  # noqa: BLE001 - said to the program, which decides what it means
        voice.say((_meaning(error), _words(error)))


def _ordered(channel: socket.socket) -> bool:
    return channel.recv(1) != b""


class _Voice:
    """Says a worker's messages to the program."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._writer = frames.Writer()

    def say(self, message: frames.Message) -> None:
        self._channel.sendall(self._writer.write(message))


def _cycle(voice: _Voice, session: Session) -> End:
    end, problem = End.OK, ""
    for outcome in session.cycle():
        voice.say(outcome)
        if outcome.device is not End.OK and end not in GONE:
            end, problem = outcome.device, outcome.problem
    voice.say((end, problem))
    return end


def _meaning(error: Exception) -> End:
    match error:
        case DeviceLost():
            return End.LOST
        case ResetRequired():
            return End.RESET_REQUIRED
        case NotManaged():
            return End.NOT_MANAGED
        case Mismatch():
            return End.MISMATCH
        case Absent():
            return End.ABSENT
        case _:
            return End.FAILED


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, ReadingError) else f"{type(error).__name__}: {error}"


class _Run:
    """What one run of a facility has gathered so far."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self.notes: list[Note] = []
        self.problem = ""
        self.device = End.OK

    def read(self, reading: Callable[[D], Iterable[Sample | Note]], device: D) -> None:
        try:
            for item in reading(device):
                if isinstance(item, Sample):
                    self.samples.append(item)
                else:
                    self.notes.append(item)
        except Exception as error:  # noqa: BLE001 - a mistake in one reading must not cost another
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        end = _meaning(error)
        if end is End.ABSENT and not isinstance(error, NoDriver):
            return
        self.problem = self.problem or _words(error)
        if end is not End.FAILED and self.device is not End.LOST:
            self.device = end

    @property
    def state(self) -> State:
        if self.problem:
            return State.FAILED
        return State.OK if self.samples or self.notes else State.ABSENT


def run(facility: Facility[D], devices: Iterable[D], about: tuple[Note, ...] = ()) -> Outcome:
    """Run every reading of a facility on every device; a device that is gone ends the run.

    `about` says beforehand what it is about; that alone is no success.
    """
    gathered = _Run()
    began = time.monotonic()
    for device in devices:
        for reading in facility.readings:
            if gathered.device not in GONE:
                gathered.read(reading, device)
    return Outcome(
        facility=facility.name,
        state=gathered.state,
        seconds=round(time.monotonic() - began, _MICRO),
        samples=tuple(gathered.samples),
        notes=(*about, *gathered.notes),
        problem=gathered.problem,
        device=gathered.device,
    )
