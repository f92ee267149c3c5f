"""What an emitter of another exporter's names is."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from catalog.foreign import Foreign
from exporters.sample import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Emitter:
    """Adds another exporter's series to a snapshot.

    Pure: it sees the samples of the snapshot and touches no hardware, so that what a device no
    longer tells disappears under both names at once.
    """

    name: str
    """As `--compat` has it."""
    metrics: tuple[Foreign, ...]
    """What it may emit, in the order of the exposition."""
    emit: Callable[[Sequence[Sample]], Iterable[Sample]]
