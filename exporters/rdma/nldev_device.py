"""An RDMA device as NETLINK_RDMA lists it, and the kernel to ask about it."""

from dataclasses import dataclass

from exporters.allocation.pod_logs import Names
from exporters.errors import Unreadable
from exporters.rdma.nldev import Attribute, Attributes, Command, Kernel, Question, label

MOST_DEVICES = 4096
_MOST_PORTS = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One device; its index is the kernel's, and never used twice."""

    kernel: Kernel
    procfs: str
    names: Names
    """Of pods and containers."""
    index: int
    name: str
    ports: int
    protocol: str
    leads: bool
    """Whether it is the first of all."""

    @property
    def only(self) -> Question:
        """What a question about this device is asked with."""
        return {Attribute.DEV_INDEX: self.index}

    def port(self, number: int) -> Question:
        """Return what a question about one of its ports is asked with."""
        return {Attribute.DEV_INDEX: self.index, Attribute.PORT_INDEX: number}

    def about(self, answer: Attributes) -> bool:
        """Whether an answer is about this device; a dump may hold others' too."""
        return answer.numbers.get(Attribute.DEV_INDEX) == self.index


def devices(kernel: Kernel, procfs: str, names: Names) -> list[Device]:
    """Return the devices that this network namespace sees, in the kernel's order."""
    found: dict[int, Device] = {}
    for answer in kernel.dump(Command.GET):
        index = answer.number(Attribute.DEV_INDEX)
        if len(found) == MOST_DEVICES:
            raise Unreadable(f"NETLINK_RDMA: more than {MOST_DEVICES} devices")
        found[index] = Device(
            kernel=kernel,
            procfs=procfs,
            names=names,
            index=index,
            name=answer.name(Attribute.DEV_NAME),
            ports=min(answer.numbers.get(Attribute.PORT_INDEX, 0), _MOST_PORTS),
            protocol=label(answer.texts.get(Attribute.DEV_PROTOCOL, "")),
            leads=not found,
        )
    return list(found.values())
