"""What a worker of the ethtool family works on: every port's network interface, one by one.

Apart from the worker that reads sysfs: these calls take the lock that all network interfaces share
(rtnl), so that one driver which hangs in it holds up them all, and sysfs must not wait with them.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from exporters.errors import ReadingError
from exporters.facility import Facility, Outcome, State
from exporters.post import Target
from exporters.rdma import modules, netdev
from exporters.rdma.devices import DEVICE, LISTING, READ_ERROR, names
from exporters.rdma.netport import NetPort, Sockets
from exporters.rdma.restricted import Restrictions
from exporters.rdma.sysfs import device_folder, ports
from exporters.rdma.turn import Turn
from exporters.registry import RDMA_ETHTOOL, chosen
from exporters.runtime import run
from exporters.sample import Note
from exporters.settings import Settings


class InterfacesSession:
    """The network interfaces of all RDMA devices."""

    notes: tuple[Note, ...] = ()

    def __init__(self, settings: Settings, target: Target) -> None:
        """Open the sockets, in the network namespace of this process."""
        self._sysfs = Path(settings.sysfs)
        wanted = chosen(RDMA_ETHTOOL, settings.facilities)
        self._turn = Turn.of(target)
        self._facility: Facility[Any] = next(f for f in wanted if f.name == self._turn.facility)
        self.sockets = Sockets()
        self._restrictions = Restrictions(self._sysfs)

    @property
    def lasting(self) -> bool:
        """Whether the worker stays: not for modules, which are read so seldom."""
        return self._facility.name not in modules.SLOW

    def cycle(self) -> Iterator[Outcome]:
        """Tell which devices there are, then read each."""
        listed = run(LISTING, (self._sysfs,))
        yield listed
        for name in self._turn.order(names(listed)):
            yield self._device(name)

    def _device(self, name: str) -> Outcome:
        found, problem = self._ports(name)
        outcome = run(self._facility, found)
        if problem:
            outcome = replace(outcome, state=State.FAILED, problem=problem)
        trouble = (Note(READ_ERROR, file) for port in found for file in port.port.trouble)
        return replace(outcome, notes=(Note(DEVICE, name), *outcome.notes, *trouble))

    def _ports(self, name: str) -> tuple[list[NetPort], str]:
        if name in self._turn.without or self._restrictions.hold(name):
            return [], ""
        try:
            found = ports(device_folder(self._sysfs, name))
        except ReadingError as error:
            return [], str(error)
        made = [
            NetPort(port=port, netdev=netdev.name(port), sockets=self.sockets) for port in found
        ]
        return [port for port in made if port.netdev and port.is_here()], ""


def attach(settings: Settings, target: Target) -> InterfacesSession:
    """Open the interfaces for the facility that the target tells."""
    return InterfacesSession(settings, target)
