"""Which GPUs of its node a pod has: the annotation that it is bound with."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from scheduler_feedback.share.names import MOST_GPUS, WHOLE

_LONGEST = 4096
_MOST_MEMORY = 1 << 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A share of one GPU."""

    gpu: int
    """Its index on the node."""
    milli: int
    memory: int
    """MiB."""


class AssignmentError(ValueError):
    """An assignment does not say what it should; the message says what is wrong with it."""


def dump_assignment(parts: Sequence[Part]) -> str:
    """Return the annotation's JSON."""
    gpus = [{"index": p.gpu, "milli": p.milli, "memory": p.memory} for p in parts]
    return json.dumps({"gpus": gpus}, separators=(",", ":"))


def parse_assignment(text: str) -> tuple[Part, ...]:
    """Return the parts that the annotation names, each of another GPU; AssignmentError."""
    if len(text) > _LONGEST:
        raise AssignmentError(f"longer than {_LONGEST} characters")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise AssignmentError(f"not JSON: {error}") from None
    gpus = document.get("gpus") if isinstance(document, dict) else None
    if not isinstance(gpus, list):
        raise AssignmentError("gpus: expected a list")
    parts = tuple(_part(entry) for entry in gpus)
    if not parts or len({part.gpu for part in parts}) < len(parts):
        raise AssignmentError("gpus: expected at least one, each once")
    return parts


def _part(entry: object) -> Part:
    if not isinstance(entry, dict):
        raise AssignmentError("gpus: expected objects")
    return Part(
        gpu=_number(entry, "index", MOST_GPUS - 1),
        milli=_number(entry, "milli", WHOLE),
        memory=_number(entry, "memory", _MOST_MEMORY),
    )


def _number(entry: dict[str, object], field: str, most: int) -> int:
    value = entry.get(field)
    if type(value) is not int or not 0 <= value <= most:
        raise AssignmentError(f"gpus: {field} is not a number from 0 to {most}")
    return value
