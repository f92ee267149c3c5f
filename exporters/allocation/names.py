"""allocation/names: the names of pods by uid and of containers by id, from their logs' names.

They are many and change seldom: a worker's target tells what the program knows, and the worker
tells them where they are others.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporters.allocation.pod_logs import read_names
from exporters.facility import Facility
from exporters.sample import Note

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAMES = "names"
KNOWN = "names_known_as"
"""In a worker's target: what `mark` makes of the names that the program knows."""
COUNT = "names_count"


@dataclass(frozen=True, slots=True, kw_only=True)
class Logs:
    """The directory that holds `pods` and `containers`, and what is known of it."""

    directory: Path
    known: str = ""


def look(logs: Logs) -> Iterator[Note]:
    """Note the names where they are others than those known, and how many there are in any case."""
    names = read_names(logs.directory)
    encoded = names.encoded()
    if mark(encoded) != logs.known:
        yield Note(NAMES, encoded)
    yield Note(COUNT, len(names.pods))


def mark(encoded: str) -> str:
    """Return what tells encoded names from others."""
    return f"{len(encoded)}-{zlib.crc32(encoded.encode())}"


FACILITY = Facility(
    family="allocation",
    name="names",
    reads="names of pods and containers by id, from the kubelet's log directory",
    readings=(look,),
)
