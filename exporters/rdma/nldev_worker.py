"""What a worker of the rdma_netlink family works on: every device, through one socket, once."""

import errno
import socket
from collections.abc import Iterator
from pathlib import Path

from exporters.allocation.pod_logs import Names, read_names
from exporters.errors import NoDriver, ReadingError, Unreadable
from exporters.facility import Outcome
from exporters.post import Target
from exporters.rdma.nldev import PROTOCOL
from exporters.rdma.nldev_device import Device, devices
from exporters.rdma.sysfs import device_folder
from exporters.registry import RDMA_NETLINK, chosen
from exporters.runtime import run
from exporters.sample import Note
from exporters.settings import Settings


class NetlinkSession:
    """All devices, as the kernel lists them."""

    notes: tuple[Note, ...] = ()
    lasting = False

    def __init__(self, settings: Settings, found: list[Device]) -> None:
        """Take the devices."""
        self._devices = found
        self._facilities = chosen(RDMA_NETLINK, settings.facilities)

    def cycle(self) -> Iterator[Outcome]:
        """Run each facility on every device."""
        for facility in self._facilities:
            yield run(facility, self._devices)


def attach(settings: Settings, _target: Target) -> NetlinkSession:
    """Ask the kernel for its devices; NoDriver where it has none, or not the protocol.

    Where sysfs knows no RDMA, the kernel is not asked: to open the socket would load the driver.
    """
    if not device_folder(Path(settings.sysfs), "").is_dir():
        raise NoDriver(f"{settings.sysfs}: no RDMA")
    # Not before it is known to be of use: see there what it costs.
    open_socket().close()
    from exporters.rdma.netlink import Netlink  # noqa: PLC0415 - the order is the point

    found = devices(Netlink(open_socket), settings.procfs, _names(Path(settings.pod_logs)))
    return NetlinkSession(settings, found)


def _names(logs: Path) -> Names:
    """Return the names of pods; without them they are told by their uid alone."""
    try:
        return read_names(logs)
    except ReadingError:
        return Names()


def open_socket() -> socket.socket:
    """Return a socket of the protocol; NoDriver where the kernel has it not."""
    try:
        return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, PROTOCOL)
    except OSError as error:
        if error.errno in (errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT):
            raise NoDriver(f"NETLINK_RDMA: {error.strerror}") from None
        raise Unreadable(f"NETLINK_RDMA: {error.strerror}") from None
