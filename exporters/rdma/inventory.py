"""rdma/inventory: the ports that should be active, learned from having seen them so.

Worked out by the program from what the worker reads of the ports, so that a worker's end forgets
nothing; forgotten when the program ends.
"""

from collections.abc import Iterable, Iterator

from catalog.rdma import RDMA_PORT_EXPECTED, RDMA_PORT_STATE, RDMA_PORTS_EXPECTED
from exporters.facility import Facility
from exporters.sample import Sample

ACTIVE = 4
"""IBTA PortState."""

LEARNED = "learned"


class Expected:
    """The ports seen active since the program started."""

    def __init__(self) -> None:
        """Expect nothing yet, and know that this is not knowing."""
        self._ports: set[tuple[str, ...]] = set()
        self._looked = False

    def learn(self, samples: Iterable[Sample]) -> None:
        """Expect, from now on, each port that is active in these samples."""
        states = [sample for sample in samples if sample.metric is RDMA_PORT_STATE]
        self._looked = self._looked or bool(states)
        self._ports |= {sample.labels for sample in states if sample.value == ACTIVE}

    def samples(self) -> Iterator[Sample]:
        """Yield what is expected, once any port was read."""
        if not self._looked:
            return
        for labels in sorted(self._ports):
            yield Sample(RDMA_PORT_EXPECTED, (*labels, LEARNED), 1)
        yield Sample(RDMA_PORTS_EXPECTED, (LEARNED,), len(self._ports))


FACILITY: Facility[object] = Facility(
    family="rdma", name="inventory", reads="RDMA ports that should be active"
)
