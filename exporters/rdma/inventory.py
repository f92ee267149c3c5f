"""rdma/inventory: the ports that should be active: declared, else learned from having seen them so.

Worked out by the program from what the worker reads of the ports, so that a worker's end forgets
nothing; what outlives the program is in `learned`.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from catalog.rdma import (
    RDMA_PORT_EXPECTED,
    RDMA_PORT_EXPECTED_RATE,
    RDMA_PORT_RATE,
    RDMA_PORT_STATE,
    RDMA_PORTS_EXPECTED,
)
from exporters.expected import LEARNED, Devices
from exporters.expected import Expected as Declaration
from exporters.facility import Facility
from exporters.moment import Moment
from exporters.rdma.learned import Learned
from exporters.sample import Sample

ACTIVE = 4
"""IBTA PortState."""


Declare = Callable[[], Declaration | None]


def nothing() -> Declaration | None:
    """Declare nothing."""
    return None


class Expected:
    """The ports that are declared, or were seen active, and how fast."""

    def __init__(
        self,
        declare: Declare = nothing,
        learned: Learned | None = None,
        places: Mapping[str, str] | None = None,
    ) -> None:
        """Take who knows what is declared now, and what was learned before the program started.

        `places` are the devices by their PCI addresses, as they become known.
        """
        self._declare = declare
        self._learned = learned or Learned()
        self._places = {} if places is None else places
        self._ports: set[tuple[str, ...]] = set()
        self._rates: dict[tuple[str, ...], float] = {}
        self._looked = False

    def learn(self, samples: Sequence[Sample], now: Moment) -> None:
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
        told = {port: self._rates.get(port, 0.0) if port in active else None for port in states}
        self._learned.observe(told, self._places, now)

    def samples(self, elsewhere: Collection[str] = ()) -> Iterator[Sample]:
        """Yield what is expected here, where that is known.

        Of a device that is elsewhere nothing is expected until it is back.
        """
        source, declared = self._declared()
        kept = dict(self._learned.ports(self._places))
        if not (declared or self._looked or kept):
            return
        seen = self._ports | kept.keys()
        ports = _named(declared) if declared and declared.names else seen
        here = sorted(port for port in ports if port[0] not in elsewhere)
        away = len(ports) - len(here)
        for port in here:
            yield Sample(RDMA_PORT_EXPECTED, (*port, source), 1)
            if rate := max(self._rates.get(port, 0.0), kept.get(port, 0.0)):
                yield Sample(RDMA_PORT_EXPECTED_RATE, (*port, LEARNED), rate)
        count = declared.count if declared else len(ports)
        yield Sample(RDMA_PORTS_EXPECTED, (source,), max(count - away, 0))

    def _declared(self) -> tuple[str, Devices | None]:
        declared = self._declare()
        if declared is None or declared.rdma_ports is None:
            return LEARNED, None
        return declared.source, declared.rdma_ports


def _named(declared: Devices) -> set[tuple[str, ...]]:
    """Return the ports that are declared as device/port."""
    return {tuple(name.split("/", 1)) for name in declared.names}


FACILITY: Facility[object] = Facility(
    family="rdma", name="inventory", reads="RDMA ports that should be active"
)
