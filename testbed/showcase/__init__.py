"""A made-up fleet of twelve nodes in which things happen, as series of the catalogue's metrics.

It is what pictures of the dashboards are drawn from, and what stands in for hardware that no test
machine has. Names and labels are the catalogue's, so that nothing can be shown that nobody exposes.
"""

from collections.abc import Iterator, Sequence

from testbed.showcase import control, devices, network, plane, queueing, serving, surroundings
from testbed.showcase.samples import Sample

HOURS = 8
"""How long the story goes."""


def samples(at: float, nodes: Sequence[str] = devices.NODES) -> Iterator[Sample]:
    """Yield every series as it is this many seconds into the story, devices of these nodes only."""
    yield from devices.samples(at, nodes)
    yield from network.samples(at, nodes)
    yield from control.samples(at)
    yield from surroundings.samples(at)
    yield from queueing.samples(at)
    yield from plane.samples(at)
    yield from serving.samples(at)


__all__ = ["HOURS", "Sample", "samples"]
