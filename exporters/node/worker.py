"""What a worker of the node family works on."""

from collections.abc import Iterator
from pathlib import Path

from exporters.facility import Outcome
from exporters.post import Target
from exporters.registry import NODE, chosen
from exporters.runtime import run
from exporters.sample import Note
from exporters.settings import Settings


class NodeSession:
    """The node, through its procfs."""

    notes: tuple[Note, ...] = ()
    lasting = True

    def __init__(self, settings: Settings) -> None:
        """Open nothing: procfs is read anew in each cycle."""
        self._procfs = Path(settings.procfs)
        self._facilities = chosen(NODE, settings.facilities)

    def cycle(self) -> Iterator[Outcome]:
        """Run each facility."""
        return (run(facility, (self._procfs,)) for facility in self._facilities)


def attach(settings: Settings, _target: Target) -> NodeSession:
    """Open the node."""
    return NodeSession(settings)
