"""What a worker of the RDMA family works on: one device, or all that share a worker."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from exporters.errors import Unreadable
from exporters.facility import Outcome, State
from exporters.post import Target
from exporters.rdma.devices import DEVICE, LISTING, READ_ERROR, Scope, names
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
        self._scope = scope
        self._facilities = [f for f in chosen(RDMA, settings.facilities) if f.readings]

    def cycle(self) -> Iterator[Outcome]:
        """Tell which devices there are, then read each, all of its facilities in turn.

        So the program knows at which device a worker hangs, and what was read before counts.
        """
        if self._scope.only:
            yield from self._device(self._scope.only)
            return
        listed = run(LISTING, (self._sysfs,))
        yield listed
        for name in names(listed):
            if name not in self._scope.without:
                yield from self._device(name)

    def _device(self, name: str) -> Iterator[Outcome]:
        found, problem = self._ports(name)
        for facility in self._facilities:
            outcome = run(facility, found)
            if problem:
                outcome = replace(outcome, state=State.FAILED, problem=problem)
            yield replace(outcome, notes=(Note(DEVICE, name), *outcome.notes, *_trouble(found)))

    def _ports(self, name: str) -> tuple[list[Port], str]:
        try:
            return ports(device_folder(self._sysfs, name)), ""
        except Unreadable as error:
            return [], str(error)


def _trouble(found: list[Port]) -> Iterator[Note]:
    """Yield what could not be read since the last call."""
    for port in found:
        yield from (Note(READ_ERROR, file) for file in port.trouble)
        port.trouble.clear()


def attach(settings: Settings, target: Target) -> DevicesSession:
    """Open the devices that the target tells."""
    return DevicesSession(settings, Scope.of(target))
