"""What the program remembers of ports, longer than any worker lives: facilities without readings.

They are worked out from the readings of every family that reads these ports.
"""

from collections.abc import Collection, Iterator

from catalog.rdma import RDMA_PORT_INFO
from exporters.facility import Cycle
from exporters.moment import Moment
from exporters.rdma import error_rates, history, inventory
from exporters.rdma.error_rates import ErrorRates
from exporters.rdma.history import History
from exporters.rdma.inventory import Declare, Expected, nothing
from exporters.rdma.learned import Learned
from exporters.rdma.peers import Peers
from exporters.sample import Sample

_DEVICE = RDMA_PORT_INFO.labels.index("device")
_ADDRESS = RDMA_PORT_INFO.labels.index("pci_bus_id")
_TELLING = history.TELLING | error_rates.TELLING | {RDMA_PORT_INFO.name}
"""Of the many metrics those that anything is remembered of; the inventory's are among them."""


class Memory:
    """The ports expected, the history of their links, and where each device was."""

    def __init__(
        self,
        facilities: Collection[str],
        interval: float,
        declare: Declare = nothing,
        learned: Learned | None = None,
    ) -> None:
        """Know what is declared and was learned; tell only what these facilities are for."""
        self._facilities = frozenset(facilities)
        self._devices: dict[str, str] = {}
        self._learned = learned or Learned()
        self._expected = Expected(declare, self._learned, self._devices)
        self._history = History()
        self._rates = ErrorRates(interval)
        self._peers = Peers()

    def take(self, cycle: Cycle, now: Moment) -> None:
        """Take a cycle of any worker that reads these ports."""
        samples = tuple(s for o in cycle.outcomes for s in o.samples if s.metric.name in _TELLING)
        self._history.learn(samples, now)
        self._peers.learn(cycle)
        self._rates.learn(samples, now)
        for sample in samples:
            if sample.metric is RDMA_PORT_INFO and (address := sample.labels[_ADDRESS]):
                self._devices[address] = sample.labels[_DEVICE]
        self._expected.learn(samples, now)

    def device_at(self, address: str) -> str:
        """Return the device that was seen at a PCI address; the address itself for one never."""
        return self._devices.get(address) or self._learned.device_at(address) or address

    def samples(self, elsewhere: Collection[str], now: Moment) -> Iterator[Sample]:
        """Yield what is remembered; nothing is expected of devices that are elsewhere."""
        if inventory.FACILITY.name in self._facilities:
            yield from self._expected.samples(elsewhere)
        if history.FACILITY.name in self._facilities:
            yield from self._history.samples(now)
            yield from self._rates.samples(now)
            yield from self._peers.samples(self._history.ports)
