"""Which GPUs there are: asked anew now and then, by a worker of its own.

Told GPU by GPU, so that one at which the driver hangs hides none of those before it; those after
it are then tried by index.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from catalog.gpu import GPU_DRIVER_INFO
from exporters.errors import DeviceError, Unreadable
from exporters.facility import Cycle, Facility, Outcome
from exporters.runtime import run
from exporters.sample import Note, Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from exporters.gpu.nvml import Nvml

D = TypeVar("D")

COUNT = "count"
INDEX = "index"
SLOT = "slot"
UUID = "uuid"

NAME = "inventory"

UNKNOWN = -1
"""The index of a GPU that the driver has not told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One GPU as the driver lists it; `slot` is empty where it would not say.

    One that only the bus tells of, or memory, has no index.
    """

    index: int = UNKNOWN
    slot: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What an inventory told."""

    entries: tuple[Entry, ...]
    complete: bool
    """Whether every GPU that the driver counts is in it, each with its slot."""


class InventorySession:
    """The list of GPUs; the library is initialised anew each time, or it would show no change."""

    lasting = False
    notes: tuple[Note, ...] = ()

    def __init__(self, nvml: Nvml) -> None:
        """Take the library, initialised."""
        self._nvml = nvml

    def cycle(self) -> Iterator[Outcome]:
        """Tell the versions and the count, then each GPU."""
        yield run(_facility(_versions), [self._nvml])
        yield run(_facility(_count), [self._nvml])
        for index in range(self._nvml.count()):
            yield run(_facility(_entry), [(self._nvml, index)])


def _facility(reading: Callable[[D], Iterator[Sample | Note]]) -> Facility[D]:
    return Facility(family="gpu", name=NAME, reads="which GPUs there are", readings=(reading,))


def _versions(nvml: Nvml) -> Iterator[Sample]:
    labels = (nvml.driver_version(), nvml.cuda_version(), nvml.nvml_version())
    yield Sample(GPU_DRIVER_INFO, labels, 1)


def _count(nvml: Nvml) -> Iterator[Note]:
    yield Note(COUNT, nvml.count())


def _entry(of: tuple[Nvml, int]) -> Iterator[Note]:
    nvml, index = of
    yield Note(INDEX, index)
    with contextlib.suppress(DeviceError, Unreadable):  # its own worker will say what is wrong
        yield Note(SLOT, nvml.slot(index))


def listing(cycle: Cycle) -> Listing:
    """Return what an inventory's cycle told, complete or cut short.

    GPUs that it counted and did not come to are in it by index.
    """
    counts = [int(count) for count in cycle.notes(COUNT)]
    told = [{n.name: n.value for n in o.notes} for o in cycle.outcomes]
    slots = {int(notes[INDEX]): str(notes.get(SLOT, "")) for notes in told if INDEX in notes}
    indices = range(max(counts, default=0))
    return Listing(
        entries=tuple(Entry(index=index, slot=slots.get(index, "")) for index in indices),
        complete=cycle.complete and bool(counts) and all(slots.get(i) for i in indices),
    )
