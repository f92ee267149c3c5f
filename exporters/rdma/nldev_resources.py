"""rdma_netlink/resources: what exists on each device, and which pods hold its queue pairs.

Read once a minute: for every queue pair the kernel asks the device's firmware for its state
(fill_res_qp_entry in drivers/infiniband/core/nldev.c), so those of a device that has very many are
left alone.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from catalog.rdma_netlink import (
    QUEUE_PAIR_STATES,
    RDMA_POD_QUEUE_PAIRS,
    RDMA_QUEUE_PAIRS,
    RDMA_QUEUE_PAIRS_UNREAD,
    RDMA_RESOURCES,
    RDMA_RESOURCES_LIMIT,
)
from exporters.allocation import cgroups
from exporters.errors import Unreadable
from exporters.facility import Facility
from exporters.rdma.nldev import Attribute, Attributes, Command
from exporters.rdma.nldev_device import Device
from exporters.sample import Sample

MOST_QUEUE_PAIRS = 4096
"""Of one device that are looked at."""

_MOST_KINDS = 16
_MOST_PODS = 256
_QUEUE_PAIR = "qp"
_INIT_PID_NAMESPACE = "pid:[4026531836]"
"""PROC_PID_INIT_INO in the kernel's include/linux/proc_ns.h."""


def summary(device: Device) -> Iterator[Sample]:
    """Yield how many objects of each kind there are, and of how many at most."""
    for entry in _summary(device)[:_MOST_KINDS]:
        of = (device.name, entry.name(Attribute.RES_SUMMARY_ENTRY_NAME))
        yield Sample(RDMA_RESOURCES, of, entry.number(Attribute.RES_SUMMARY_ENTRY_CURR))
        if Attribute.RES_SUMMARY_ENTRY_MAX in entry.numbers:
            yield Sample(RDMA_RESOURCES_LIMIT, of, entry.number(Attribute.RES_SUMMARY_ENTRY_MAX))


def queue_pairs(device: Device) -> Iterator[Sample]:
    """Yield the queue pairs by state and by pod, unless there are too many to look at."""
    count = sum(
        entry.number(Attribute.RES_SUMMARY_ENTRY_CURR)
        for entry in _summary(device)
        if entry.texts.get(Attribute.RES_SUMMARY_ENTRY_NAME) == _QUEUE_PAIR
    )
    too_many = count > MOST_QUEUE_PAIRS
    yield Sample(RDMA_QUEUE_PAIRS_UNREAD, (device.name,), float(too_many))
    if too_many:
        return
    entries = [
        entry
        for answer in device.kernel.dump(Command.RES_QP_GET, device.only)
        for entry in answer.entries(Attribute.RES_QP, Attribute.RES_QP_ENTRY)
    ]
    yield from _by_state(device, entries)
    yield from _by_pod(device, entries)


def _summary(device: Device) -> list[Attributes]:
    _all_visible(device.procfs)
    answer = device.kernel.ask(Command.RES_GET, device.only)
    return answer.entries(Attribute.RES_SUMMARY, Attribute.RES_SUMMARY_ENTRY)


def _all_visible(procfs: str) -> None:
    """Refuse to count in a pid namespace of one's own: the kernel would leave out the others'."""
    path = Path(procfs) / "self/ns/pid"
    try:
        namespace = str(path.readlink())
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}") from None
    if namespace != _INIT_PID_NAMESPACE:
        raise Unreadable(
            "NETLINK_RDMA shows only objects of processes in the exporter's own pid namespace: "
            "run it with hostPID, or with --no-collector.rdma_netlink.resources"
        )


def _by_state(device: Device, entries: list[Attributes]) -> Iterator[Sample]:
    """Yield all known states; one that is not known counts in none."""
    counts = Counter(entry.numbers.get(Attribute.RES_STATE) for entry in entries)
    for number, state in enumerate(QUEUE_PAIR_STATES):
        yield Sample(RDMA_QUEUE_PAIRS, (device.name, state), counts[number])


def _by_pod(device: Device, entries: list[Attributes]) -> Iterator[Sample]:
    """Yield the queue pairs of each pod.

    Nothing is said of one whose process has just ended, or may not be looked at.
    """
    pids = Counter(pid for e in entries if (pid := e.numbers.get(Attribute.RES_PID)))
    pods: Counter[tuple[str, str, str]] = Counter()
    for pid, count in pids.items():
        if (member := cgroups.of_process(device.procfs, pid)) is not None:
            user = device.names.user(member)
            named = (user.namespace, user.pod) if user else ("", "")
            pods[*named, member.pod] += count
    for pod, count in pods.most_common(_MOST_PODS):
        yield Sample(RDMA_POD_QUEUE_PAIRS, (device.name, *pod), count)


FACILITY = Facility(
    family="rdma_netlink",
    name="resources",
    reads="objects on each RDMA device, and which pods hold its queue pairs",
    readings=(summary, queue_pairs),
    on=False,
)
