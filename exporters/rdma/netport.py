"""A port's network interface, and the ways to ask of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from catalog.metrics import Metric
from exporters.errors import Absent, ReadingError, Unreadable
from exporters.rdma import netdev
from exporters.rdma.ethnl import EthtoolNetlink, Fec
from exporters.rdma.ethtool import Ethtool
from exporters.rdma.links import Carrier, Changes, LinkMonitor
from exporters.rdma.sysfs import Port, count
from exporters.sample import Sample

T = TypeVar("T")

_MAC = 17
"""Characters of an Ethernet address; InfiniBand's is longer, and is compared as far as that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sockets:
    """What a worker asks with, for as long as it lives."""

    ethtool: Ethtool = field(default_factory=Ethtool)
    netlink: EthtoolNetlink = field(default_factory=EthtoolNetlink)
    monitor: LinkMonitor = field(default_factory=LinkMonitor)

    def close(self) -> None:
        """Close them."""
        for one in (self.ethtool, self.netlink, self.monitor):
            one.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class NetPort:
    """A port with its network interface, for one cycle."""

    port: Port
    netdev: str
    """Empty where it has none, or not here."""
    sockets: Sockets
    _said: dict[str, Mapping[str, int]] = field(default_factory=dict)

    def sample(self, metric: Metric, value: float, *labels: str) -> Sample:
        """Return a sample of this port."""
        return self.port.sample(metric, value, *labels)

    def is_here(self) -> bool:
        """Whether the interface of this name, where this process asks, is the one sysfs shows.

        In a pod without the host's network, the sysfs of the host names interfaces that are not
        there; and one of the same name may be.
        """
        try:
            shown = self.port.take_from(
                netdev.folder(self.port, self.netdev), "address", lambda said, _: said
            )
            return self.sockets.ethtool.address(self.netdev) == shown[:_MAC]
        except ReadingError:
            return False

    def statistics(self) -> Mapping[str, int]:
        """Return what the driver counts, by its names; asked once a cycle."""
        if not self._said:
            self._said[self.netdev] = self._noted("statistics", self.sockets.ethtool.statistics)
        return self._said[self.netdev]

    def fec(self) -> Fec:
        """Return what FEC did."""
        return self._noted("fec", self.sockets.netlink.fec)

    def down_reason(self) -> str | None:
        """Return why the link is down; None where that is not known."""
        return self._noted("link", self.sockets.netlink.down_reason)

    def eeprom(self, offset: int, length: int, *, page: int = 0, i2c: int = 0x50) -> bytes:
        """Return bytes of the module's EEPROM."""
        return self._noted(
            "module",
            lambda name: self.sockets.netlink.eeprom(name, offset, length, page=page, i2c=i2c),
        )

    def changes(self) -> Changes:
        """Return how often the carrier came and went, as the kernel told."""
        name = self._name()
        self.sockets.monitor.listen()
        if (known := self.sockets.monitor.changes(name)) is None:
            self.sockets.monitor.follow(self._carrier(name))
            known = self.sockets.monitor.changes(name)
        if known is None:
            raise Absent(f"{name}: not followed")
        return known

    def _carrier(self, name: str) -> Carrier:
        folder = netdev.folder(self.port, name)
        index, ups, downs = (
            self.port.take_from(folder, file, count)
            for file in ("ifindex", "carrier_up_count", "carrier_down_count")
        )
        return Carrier(index=index, netdev=name, ups=ups, downs=downs)

    def _name(self) -> str:
        if not self.netdev:
            raise Absent(f"{self.port.device}: no network interface")
        return self.netdev

    def _noted(self, what: str, ask: Callable[[str], T]) -> T:
        try:
            return ask(self._name())
        except Unreadable:
            self.port.trouble.append(f"ethtool/{what}")
            raise
