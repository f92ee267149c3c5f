"""rdma_netlink/counters: optional counters, which sysfs does not show, and those of queue pairs.

What a queue pair's own counter counts is in the port's counter too, before and after it is let go
(rdma_counter_get_hwstat_value in the kernel's core/counters.c), so the port's is their true sum;
of the single ones only how many there are is told.
"""

import re
from collections import Counter
from collections.abc import Iterator

from catalog.rdma_netlink import (
    COUNTER_MODES,
    OPTIONAL_STATES,
    RDMA_BOUND_COUNTERS,
    RDMA_BOUND_QUEUE_PAIRS,
    RDMA_OPTIONAL_COUNTERS,
    RDMA_OPTIONAL_STATISTIC,
)
from exporters.facility import Facility
from exporters.rdma.nldev import OF_QUEUE_PAIRS, Attribute, Attributes, Command
from exporters.rdma.nldev_device import Device
from exporters.sample import Sample

_MOST = 32
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_MODES = dict(enumerate(COUNTER_MODES, start=1))
"""enum rdma_nl_counter_mode; 0 is none."""


def optional(device: Device) -> Iterator[Sample]:
    """Yield how many optional counters each port has, and what those that are on have counted.

    A port that has none is left out.
    """
    for number in range(1, device.ports + 1):
        status = _counters(device.kernel.ask(Command.STAT_GET_STATUS, device.port(number)))
        flags = {
            name: entry.numbers[Attribute.STAT_HWCOUNTER_DYNAMIC]
            for name, entry in status.items()
            if Attribute.STAT_HWCOUNTER_DYNAMIC in entry.numbers
        }
        enabled = {name for name, flag in flags.items() if flag}
        if flags:
            counts = (len(enabled), len(flags) - len(enabled))
            for state, count in zip(OPTIONAL_STATES, counts, strict=True):
                yield Sample(RDMA_OPTIONAL_COUNTERS, (device.name, str(number), state), count)
        if enabled:
            yield from _values(device, number, enabled)


def _values(device: Device, number: int, enabled: set[str]) -> Iterator[Sample]:
    values = _counters(device.kernel.ask(Command.STAT_GET, device.port(number)))
    for name in sorted(enabled & values.keys())[:_MOST]:
        value = values[name].number(Attribute.STAT_HWCOUNTER_ENTRY_VALUE)
        yield Sample(RDMA_OPTIONAL_STATISTIC, (device.name, str(number), name), value)


def _counters(answer: Attributes) -> dict[str, Attributes]:
    entries = answer.entries(Attribute.STAT_HWCOUNTERS, Attribute.STAT_HWCOUNTER_ENTRY)
    named = {entry.texts.get(Attribute.STAT_HWCOUNTER_ENTRY_NAME, ""): entry for entry in entries}
    return {name: entry for name, entry in named.items() if _NAME.fullmatch(name)}


def bound(device: Device) -> Iterator[Sample]:
    """Yield how many counters queue pairs are bound to, and how many of these there are."""
    counters: Counter[tuple[str, str]] = Counter()
    members: Counter[tuple[str, str]] = Counter()
    of_queue_pairs = {**device.only, Attribute.STAT_RES: OF_QUEUE_PAIRS}
    for answer in device.kernel.dump(Command.STAT_GET, of_queue_pairs):
        for entry in answer.entries(Attribute.STAT_COUNTER, Attribute.STAT_COUNTER_ENTRY):
            mode = _MODES.get(entry.numbers.get(Attribute.STAT_MODE, 0))
            port = entry.numbers.get(Attribute.PORT_INDEX, 0)
            if mode and 1 <= port <= device.ports:
                counters[str(port), mode] += 1
                queue_pairs = entry.entries(Attribute.RES_QP, Attribute.RES_QP_ENTRY)
                members[str(port), mode] += len(queue_pairs)
    for of in sorted(counters):
        yield Sample(RDMA_BOUND_COUNTERS, (device.name, *of), counters[of])
        yield Sample(RDMA_BOUND_QUEUE_PAIRS, (device.name, *of), members[of])


FACILITY = Facility(
    family="rdma_netlink",
    name="counters",
    reads="optional counters of each RDMA port, and those that queue pairs are bound to",
    readings=(optional, bound),
    on=False,
)
