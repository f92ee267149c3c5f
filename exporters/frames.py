"""How a worker speaks to the program: JSON, each message after its length.

JSON, because a worker shares its memory with a driver's library: what a damaged worker writes can
spoil its own readings, and nothing else.

Cycle after cycle says the same series, most with the same values. Where a message brings just the
series of the one at its place in the cycle before, it says only which values are others now.
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


def encode(message: Message, before: Samples = ()) -> bytes:
    """Return a message as it goes over the socket to one who knows the samples before."""
    body = json.dumps(_document(message, before), separators=(",", ":")).encode()
    return _LENGTH.pack(len(body)) + body


def _document(message: Message, before: Samples) -> dict[str, Any]:
    return _outcome(message, before) if isinstance(message, Outcome) else {"end": list(message)}


def _outcome(outcome: Outcome, before: Samples) -> dict[str, Any]:
    return {
        "facility": outcome.facility,
        "state": outcome.state,
        "seconds": outcome.seconds,
        **_samples(outcome.samples, before),
        "notes": [(n.name, n.value) for n in outcome.notes],
        "problem": outcome.problem,
        "device": outcome.device,
    }


def _samples(now: Samples, before: Samples) -> dict[str, Any]:
    places = others(before, now) if now else None
    if places is not None:
        return {"changed": [(place, now[place].value) for place in places]}
    return {"samples": [(s.metric.name, s.labels, s.value) for s in now]}


def decode(body: bytes, before: Samples = ()) -> Message:
    """Return the message in these bytes, after these samples; FrameError where there is none."""
    try:
        document = json.loads(body)
        if "end" in document:
            end, problem = document["end"]
            return End(end), str(problem)
        return Outcome(
            facility=str(document["facility"]),
            state=State(document["state"]),
            seconds=float(document["seconds"]),
            samples=_sampled(document, before),
            notes=tuple(Note(name, value) for name, value in document["notes"]),
            problem=str(document["problem"]),
            device=End(document["device"]),
        )
    except (LookupError, TypeError, ValueError, RecursionError, ReadingError) as error:
        raise FrameError(f"not a message of a worker: {error}") from None


def _sampled(document: dict[str, Any], before: Samples) -> Samples:
    if "changed" not in document:
        return tuple(Sample(_METRICS[m], tuple(ls), v) for m, ls, v in document["samples"])
    if not document["changed"]:
        return before
    now = list(before)
    for index, value in document["changed"]:
        now[index] = Sample(before[index].metric, before[index].labels, value)
    return tuple(now)


class _Cycle:
    """What was said in a cycle so far, and what at the same places of the one before."""

    def __init__(self) -> None:
        self._said: list[Samples] = []
        self._at = 0

    @property
    def before(self) -> Samples:
        """The samples at this place of the cycle before."""
        return self._said[self._at] if self._at < len(self._said) else ()

    def take(self, message: Message) -> None:
        if not isinstance(message, Outcome):
            self._at = 0
        elif message.facility != ATTACHED:
            self._said[self._at : self._at + 1] = [message.samples]
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
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            if length > LIMIT:
                raise FrameError(f"a message of {length} bytes")
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[_LENGTH.size : end])
            del self._buffer[:end]
            message = decode(body, self._cycle.before)
            self._cycle.take(message)
            yield message
