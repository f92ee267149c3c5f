"""rdma_netlink/links: what the kernel itself says of each port, and who may see devices."""

from collections.abc import Iterator

from catalog.rdma_netlink import RDMA_LINK_INFO, RDMA_NETNS_EXCLUSIVE
from exporters.facility import Facility
from exporters.rdma.nldev import Attribute, Command, label
from exporters.rdma.nldev_device import Device
from exporters.sample import Sample


def netns_mode(device: Device) -> Iterator[Sample]:
    """Yield whether a device belongs to one network namespace; it is the same for all devices."""
    if device.leads:
        shared = device.kernel.ask(Command.SYS_GET).number(Attribute.SYS_NETNS_MODE)
        yield Sample(RDMA_NETNS_EXCLUSIVE, (), float(not shared))


def ports(device: Device) -> Iterator[Sample]:
    """Yield each port with its network interface, which here is known and not inferred."""
    for answer in device.kernel.dump(Command.PORT_GET, device.only):
        if device.about(answer):
            port = str(answer.number(Attribute.PORT_INDEX))
            netdev = label(answer.texts.get(Attribute.NDEV_NAME, ""))
            yield Sample(RDMA_LINK_INFO, (device.name, port, netdev, device.protocol), 1)


FACILITY = Facility(
    family="rdma_netlink",
    name="links",
    reads="protocol and network interface of each RDMA port",
    readings=(ports,),
    on=False,
)

NAMESPACES = Facility(
    family="rdma_netlink",
    name="namespaces",
    reads="whether each RDMA device belongs to one network namespace",
    readings=(netns_mode,),
)
