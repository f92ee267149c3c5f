"""What a worker of the RDMA family works on: one device, or all that share a worker."""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from exporters.errors import Unreadable
from exporters.facility import Outcome, State
from exporters.post import Target
from exporters.rdma import port
from exporters.rdma.devices import (
    BIND,
    DEVICE,
    ELSEWHERE,
    LISTING,
    READ_ERROR,
    RESTRICTED,
    Scope,
    names,
)
from exporters.rdma.elsewhere import Lookout
from exporters.rdma.kept import Folders
from exporters.rdma.restricted import Restrictions
from exporters.rdma.sysfs import Port, device_folder, ports
from exporters.registry import RDMA, chosen
from exporters.runtime import run
from exporters.sample import Note
from exporters.settings import Settings


class DevicesSession:
    """The devices of a scope, one after the other."""

    notes: tuple[Note, ...] = ()
    lasting = True

    def __init__(self, settings: Settings, scope: Scope) -> None:
        """Open nothing: devices and ports are listed anew in each cycle."""
        self._sysfs = Path(settings.sysfs)
        self._lookout = Lookout(self._sysfs)
        self._restrictions = Restrictions(self._sysfs)
        self._scope = scope
        self._folders = Folders()
        self._facilities = [f for f in chosen(RDMA, settings.facilities) if f.readings]

    def cycle(self) -> Iterator[Outcome]:
        """Tell which devices there are, then read each, all of its facilities in turn.

        So the program knows at which device a worker hangs, and what was read before counts.
        """
        if self._scope.only:
            yield from self._device(self._scope.only)
            return
        self._folders.sweep()
        listed = run(LISTING, (self._sysfs,))
        away = tuple(Note(ELSEWHERE, at) for at in self._lookout.elsewhere(names(listed)))
        yield replace(listed, notes=(*listed.notes, *away))
        for name in names(listed):
            if name not in self._scope.without:
                yield from self._device(name)

    def _device(self, name: str) -> Iterator[Outcome]:
        found, problem = self._ports(name)
        instance = self._folders.instance(str(device_folder(self._sysfs, name)))
        if instance is not None and self._restrictions.hold_instance(name, instance):
            yield from self._restricted(name, found)
            return
        about = _about(name, instance)
        for facility in self._facilities:
            outcome = run(facility, found, about)
            if problem:
                outcome = replace(outcome, state=State.FAILED, problem=problem)
            if trouble := _trouble(found):
                outcome = replace(outcome, notes=(*outcome.notes, *trouble))
            yield outcome

    def _restricted(self, name: str, found: list[Port]) -> Iterator[Outcome]:
        """Tell of a device that is left alone what the kernel knows without asking it."""
        for facility in self._facilities:
            silent = replace(facility, readings=())
            outcome = run(_IDENTITY if facility is port.FACILITY else silent, found)
            yield replace(outcome, notes=(Note(DEVICE, name), Note(RESTRICTED, name)))

    def _ports(self, name: str) -> tuple[list[Port], str]:
        try:
            return ports(device_folder(self._sysfs, name), self._folders), ""
        except Unreadable as error:
            return [], str(error)


_IDENTITY = replace(port.FACILITY, readings=(port.identity,))


@lru_cache(maxsize=1024)
def _about(name: str, instance: int | None) -> tuple[Note, ...]:
    """Return whose outcome it is."""
    return Note(DEVICE, name), *(() if instance is None else (Note(BIND, instance),))


def _trouble(found: list[Port]) -> list[Note]:
    """Return what could not be read since the last call."""
    notes = [Note(READ_ERROR, file) for one in found for file in one.trouble]
    for one in found:
        one.trouble.clear()
    return notes


def attach(settings: Settings, target: Target) -> DevicesSession:
    """Open the devices that the target tells."""
    return DevicesSession(settings, Scope.of(target))
