"""Every emitter there is, one line each."""

from collections.abc import Sequence

from exporters.compat import dcgm, node_exporter
from exporters.compat.emitter import Emitter

EMITTERS: tuple[Emitter, ...] = (dcgm.EMITTER, node_exporter.EMITTER)


def emitters(names: Sequence[str]) -> tuple[Emitter, ...]:
    """Return the emitters of these names, in the registry's order."""
    return tuple(emitter for emitter in EMITTERS if emitter.name in names)
