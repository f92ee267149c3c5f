"""How a worker speaks to the program: JSON, each message after its length.

JSON, because a worker shares its memory with a driver's library: what a damaged worker writes can
spoil its own readings, and nothing else.

Cycle after cycle says the same series, most with the same values. So a message says only what is
another than in the one at its place in the cycle before.
"""

import json
import struct
from collections.abc import Iterator
from typing import Any

from exporters.errors import ReadingError
from exporters.facility import ATTACHED, End, Outcome, State
from exporters.metrics import METRICS
from exporters.sample import Note, Sample, others

LIMIT = 64 << 20
"""Bytes a message may have; what claims to be longer is no message of ours."""

_LENGTH = struct.Struct("!I")
_METRICS = {metric.name: metric for metric in METRICS}


class FrameError(Exception):
    """What was received is no message."""


Message = Outcome | tuple[End, str]
"""One facility's outcome, or the cycle's end and its problem."""


Samples = tuple[Sample, ...]

NOTHING = Outcome(facility="", state=State.OK)
"""What stands before an outcome that nothing was said before."""

_encode = json.JSONEncoder(separators=(",", ":")).encode


def encode(message: Message, before: Outcome = NOTHING) -> bytes:
    """Return a message as it goes over the socket to one who knows the outcome before."""
    body = _encode(_document(message, before)).encode()
    return _LENGTH.pack(len(body)) + body


def _document(message: Message, before: Outcome) -> dict[str, Any]:
    return _outcome(message, before) if isinstance(message, Outcome) else {"end": message}


def _outcome(outcome: Outcome, before: Outcome) -> dict[str, Any]:
    said: dict[str, Any] = {"seconds": outcome.seconds}
    for name in ("facility", "state", "problem", "device"):
        if (value := getattr(outcome, name)) != getattr(before, name):
            said[name] = value
    if outcome.notes != before.notes:
        said["notes"] = [(n.name, n.value) for n in outcome.notes]
    if outcome.samples is not before.samples:
        said |= _samples(outcome.samples, before.samples)
    return said


def _samples(now: Samples, before: Samples) -> dict[str, Any]:
    places = others(before, now)
    if places is None:
        return {"samples": [(s.metric.name, s.labels, s.value) for s in now]}
    return {"changed": [(place, now[place].value) for place in places]} if places else {}


def decode(body: bytes, before: Outcome = NOTHING) -> Message:
    """Return the message in these bytes, after this outcome; FrameError where there is none."""
    try:
        document = json.loads(body.decode())
        if "end" in document:
            end, problem = document["end"]
            return End(end), str(problem)
        return Outcome(
            facility=str(document.get("facility") or before.facility or document["facility"]),
            state=State(document["state"]) if "state" in document else before.state,
            seconds=float(document["seconds"]),
            samples=_sampled(document, before.samples),
            notes=_noted(document) if "notes" in document else before.notes,
            problem=str(document.get("problem", before.problem)),
            device=End(document["device"]) if "device" in document else before.device,
        )
    except (AttributeError, LookupError, TypeError, ValueError, RecursionError, ReadingError) as e:
        raise FrameError(f"not a message of a worker: {e}") from None


def _noted(document: dict[str, Any]) -> tuple[Note, ...]:
    return tuple(Note(name, value) for name, value in document["notes"])


def _sampled(document: dict[str, Any], before: Samples) -> Samples:
    if "samples" in document:
        return tuple(Sample(_METRICS[m], tuple(ls), v) for m, ls, v in document["samples"])
    if "changed" not in document:
        return before
    now = list(before)
    for index, value in document["changed"]:
        now[index] = Sample(before[index].metric, before[index].labels, value)
    return tuple(now)


class _Cycle:
    """What was said in a cycle so far, and what at the same places of the one before."""

    def __init__(self) -> None:
        self._said: list[Outcome] = []
        self._at = 0

    @property
    def before(self) -> Outcome:
        """The outcome at this place of the cycle before."""
        return self._said[self._at] if self._at < len(self._said) else NOTHING

    def take(self, message: Message) -> None:
        if not isinstance(message, Outcome):
            self._at = 0
        elif message.facility != ATTACHED:
            self._said[self._at : self._at + 1] = [message]
            self._at += 1


class Writer:
    """Writes one worker's messages."""

    def __init__(self) -> None:
        """Begin with nothing said."""
        self._cycle = _Cycle()

    def write(self, message: Message) -> bytes:
        """Return a message as it goes over the socket."""
        written = encode(message, self._cycle.before)
        self._cycle.take(message)
        return written


class Reader:
    """Cuts a stream of bytes into messages."""

    def __init__(self) -> None:
        """Begin with nothing received."""
        self._buffer = bytearray()
        self._cycle = _Cycle()

    def feed(self, received: bytes) -> Iterator[Message]:
        """Yield the messages that these bytes complete; FrameError where they are none."""
        self._buffer += received
        at = 0
        try:
            while (end := self._end(at)) <= len(self._buffer):
                message = decode(bytes(self._buffer[at + _LENGTH.size : end]), self._cycle.before)
                at = end
                self._cycle.take(message)
                yield message
        finally:
            del self._buffer[:at]

    def _end(self, at: int) -> int:
        """Return where the message that begins there ends, as far as that is known."""
        if len(self._buffer) < at + _LENGTH.size:
            return at + _LENGTH.size
        (length,) = _LENGTH.unpack_from(self._buffer, at)
        if length > LIMIT:
            raise FrameError(f"a message of {length} bytes")
        return at + _LENGTH.size + int(length)
