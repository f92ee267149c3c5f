"""What a worker of the RDMA family works on."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from exporters.facility import Outcome, State
from exporters.post import Target
from exporters.rdma.sysfs import ports
from exporters.registry import RDMA, chosen
from exporters.runtime import run
from exporters.sample import Note
from exporters.settings import Settings


class PortsSession:
    """All ports there are."""

    notes: tuple[Note, ...] = ()
    lasting = True

    def __init__(self, settings: Settings) -> None:
        """Open nothing: the ports are listed anew in each cycle."""
        self._sysfs = Path(settings.sysfs)
        self._facilities = [f for f in chosen(RDMA, settings.facilities) if f.readings]

    def cycle(self) -> Iterator[Outcome]:
        """Run each facility on every port; ports that could not be listed make it fail."""
        listed = ports(self._sysfs)
        for facility in self._facilities:
            outcome = run(facility, listed.found)
            if listed.problem:
                outcome = replace(outcome, state=State.FAILED, problem=listed.problem)
            yield outcome


def attach(settings: Settings, _target: Target) -> PortsSession:
    """Open the node's RDMA ports."""
    return PortsSession(settings)
