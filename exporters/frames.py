"""How a worker speaks to the program: JSON, each message after its length.

JSON, because a worker shares its memory with a driver's library: what a damaged worker writes can
spoil its own readings, and nothing else.
"""

import json
import struct
from collections.abc import Iterator
from typing import Any

from exporters.errors import ReadingError
from exporters.facility import End, Outcome, State
from exporters.metrics import METRICS
from exporters.sample import Note, Sample

LIMIT = 64 << 20
"""Bytes a message may have; what claims to be longer is no message of ours."""

_LENGTH = struct.Struct("!I")
_METRICS = {metric.name: metric for metric in METRICS}


class FrameError(Exception):
    """What was received is no message."""


Message = Outcome | tuple[End, str]
"""One facility's outcome, or the cycle's end and its problem."""


def encode(message: Message) -> bytes:
    """Return a message as it goes over the socket."""
    document = _outcome(message) if isinstance(message, Outcome) else {"end": list(message)}
    body = json.dumps(document, separators=(",", ":")).encode()
    return _LENGTH.pack(len(body)) + body


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "facility": outcome.facility,
        "state": outcome.state,
        "seconds": outcome.seconds,
        "samples": [(s.metric.name, s.labels, s.value) for s in outcome.samples],
        "notes": [(n.name, n.value) for n in outcome.notes],
        "problem": outcome.problem,
        "device": outcome.device,
    }


def decode(body: bytes) -> Message:
    """Return the message in these bytes; FrameError where there is none."""
    try:
        document = json.loads(body)
        if "end" in document:
            end, problem = document["end"]
            return End(end), str(problem)
        return Outcome(
            facility=str(document["facility"]),
            state=State(document["state"]),
            seconds=float(document["seconds"]),
            samples=tuple(Sample(_METRICS[m], tuple(ls), v) for m, ls, v in document["samples"]),
            notes=tuple(Note(name, value) for name, value in document["notes"]),
            problem=str(document["problem"]),
            device=End(document["device"]),
        )
    except (KeyError, TypeError, ValueError, RecursionError, ReadingError) as error:
        raise FrameError(f"not a message of a worker: {error}") from None


class Reader:
    """Cuts a stream of bytes into messages."""

    def __init__(self) -> None:
        """Begin with nothing received."""
        self._buffer = bytearray()

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
            yield decode(body)
