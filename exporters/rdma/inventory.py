"""rdma/inventory: the ports that should be active, learned from having seen them so.

Worked out by the program from what the worker reads of the ports, so that a worker's end forgets
nothing; forgotten when the program ends.
"""

from collections.abc import Iterator, Sequence

from catalog.rdma import (
    RDMA_PORT_EXPECTED,
    RDMA_PORT_EXPECTED_RATE,
    RDMA_PORT_RATE,
    RDMA_PORT_STATE,
    RDMA_PORTS_EXPECTED,
)
from exporters.facility import Facility
from exporters.sample import Sample

ACTIVE = 4
"""IBTA PortState."""

LEARNED = "learned"


class Expected:
    """The ports seen active since the program started, and how fast."""

    def __init__(self) -> None:
        """Expect nothing yet, and know that this is not knowing."""
        self._ports: set[tuple[str, ...]] = set()
        self._rates: dict[tuple[str, ...], float] = {}
        self._looked = False

    def learn(self, samples: Sequence[Sample]) -> None:
        """Expect, from now on, each port that is active in these samples, at its rate there.

        What a port without a link tells as its rate is none.
        """
        states = {
            sample.labels: sample.value for sample in samples if sample.metric is RDMA_PORT_STATE
        }
        self._looked = self._looked or bool(states)
        active = {port for port, state in states.items() if state == ACTIVE}
        self._ports |= active
        for sample in samples:
            if sample.metric is RDMA_PORT_RATE and sample.labels in active:
                highest = self._rates.get(sample.labels, 0.0)
                self._rates[sample.labels] = max(highest, sample.value)

    def samples(self) -> Iterator[Sample]:
        """Yield what is expected, once any port was read."""
        if not self._looked:
            return
        for port in sorted(self._ports):
            yield Sample(RDMA_PORT_EXPECTED, (*port, LEARNED), 1)
        for port in sorted(self._rates):
            yield Sample(RDMA_PORT_EXPECTED_RATE, (*port, LEARNED), self._rates[port])
        yield Sample(RDMA_PORTS_EXPECTED, (LEARNED,), len(self._ports))


FACILITY: Facility[object] = Facility(
    family="rdma", name="inventory", reads="RDMA ports that should be active"
)
