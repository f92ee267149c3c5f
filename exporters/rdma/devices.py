"""Which RDMA devices there are, and which of them a worker reads."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from exporters.facility import ATTACHED, Cycle, Facility, Outcome
from exporters.post import Target
from exporters.rdma.sysfs import devices
from exporters.sample import Note

DEVICE = "device"
"""A note: a device that is listed, or the one whose outcome this is."""

READ_ERROR = "read_error"
"""A note: a file that could not be read or made no sense."""

ELSEWHERE = "elsewhere"
"""A note: the PCI address of a device that is in a pod or a virtual machine."""

BIND = "bind"
"""A note: which instance of the device this is; another after its driver was bound anew."""

RESTRICTED = "restricted"
"""A note: the device whose outcome this is refuses to be read."""

_ONLY = "only"
_WITHOUT = "without"
_BETWEEN = "/"
"""Between names in a target; the one character that no device's name has."""


def _names(sysfs: Path) -> Iterator[Note]:
    for name in devices(sysfs):
        yield Note(DEVICE, name)


LISTING: Facility[Path] = Facility(
    family="rdma", name="devices", reads="which RDMA devices there are", readings=(_names,)
)
"""Runs first in the worker that the devices share; no facility that flags or metrics know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The devices of one worker: one alone, or all that there are without some."""

    only: str = ""
    without: frozenset[str] = frozenset()

    @classmethod
    def of(cls, target: Target) -> "Scope":
        """Return the scope that a target tells."""
        names = str(target.get(_WITHOUT, "")).split(_BETWEEN)
        return cls(only=str(target.get(_ONLY, "")), without=frozenset(names) - {""})

    def target(self) -> Target:
        """Return the scope as a worker is told it."""
        return {_ONLY: self.only} if self.only else {_WITHOUT: _BETWEEN.join(sorted(self.without))}


def listing(cycle: Cycle) -> Outcome | None:
    """Return what a shared worker told of the devices there are, None where it did not come to."""
    return next((o for o in cycle.outcomes if o.facility == LISTING.name), None)


def names(outcome: Outcome) -> list[str]:
    """Return the devices that an outcome names."""
    return [str(note.value) for note in outcome.notes if note.name == DEVICE]


def by_device(cycle: Cycle) -> dict[str, Cycle]:
    """Return each device's part of a cycle, for those that it came to."""
    found: dict[str, list[Outcome]] = {}
    for outcome in cycle.outcomes:
        if outcome.facility not in (LISTING.name, ATTACHED):
            for device in names(outcome):
                found.setdefault(device, []).append(outcome)
    return {device: replace(cycle, outcomes=tuple(part)) for device, part in found.items()}
