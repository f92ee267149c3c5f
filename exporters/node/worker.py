"""What a worker of the node family works on."""

from collections.abc import Iterator
from pathlib import Path

from exporters.facility import Outcome
from exporters.node import kernel_log
from exporters.node.kernel_log import KernelLog
from exporters.post import Target
from exporters.registry import NODE, chosen
from exporters.runtime import run
from exporters.sample import Note
from exporters.settings import Settings


class NodeSession:
    """The node, through its procfs and its kernel's log."""

    notes: tuple[Note, ...] = ()
    lasting = True

    def __init__(self, settings: Settings, target: Target) -> None:
        """Open nothing: procfs is read anew in each cycle, the log opened when it is read."""
        self._procfs = Path(settings.procfs)
        self._log = KernelLog(settings.kmsg, self._procfs, target)
        self._facilities = chosen(NODE, settings.facilities)

    def cycle(self) -> Iterator[Outcome]:
        """Run each facility."""
        for facility in self._facilities:
            if facility is kernel_log.FACILITY:
                yield run(facility, (self._log,))
            else:
                yield run(facility, (self._procfs,))


def attach(settings: Settings, target: Target) -> NodeSession:
    """Open the node; its log from where the target says."""
    return NodeSession(settings, target)
