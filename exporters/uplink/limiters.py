"""uplink/limiters: what shapes and polices each line's interfaces, and what that cost."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from catalog.uplink import LIMITERS, OMITTED_ITEMS
from catalog.uplink_tc import (
    TC_BACKLOG_BYTES,
    TC_BACKLOG_PACKETS,
    TC_BURST,
    TC_BYTES,
    TC_CEILING,
    TC_DROPS,
    TC_OVERLIMITS,
    TC_PACKET_RATE,
    TC_PACKETS,
    TC_RATE,
    TC_REQUEUES,
)
from exporters.errors import Absent, Unreadable
from exporters.facility import Facility
from exporters.sample import Sample
from exporters.uplink.tc import INGRESS_HANDLE, TCMSG, Control, classes, policers, qdiscs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from catalog.metrics import Metric
    from exporters.uplink.rtnetlink import Rtnetlink
    from exporters.uplink.view import View

    Decode = Callable[[bytes], Iterator[Control]]

MOST = 64
"""Qdiscs, classes and policers of a line that are shown: first those with a rate set."""

_GET_QDISC, _GET_CLASS, _GET_FILTER = 38, 42, 46
_SHAPERS = frozenset({"htb", "hfsc", "drr", "qfq"})
"""Whose classes are read. Those of others (mq, prio, tbf) hold qdiscs, which count the same."""
_FILTERED = frozenset({*_SHAPERS, "prio"})
_CLSACT, _INGRESS = "clsact", "ingress"
_CLSACT_HOOKS = (0xFFFFFFF2, 0xFFFFFFF3)
_NOTHING = "noqueue"

_VALUES: tuple[tuple[Metric, Callable[[Control], float | None]], ...] = (
    (TC_BYTES, lambda one: one.counts.bytes),
    (TC_PACKETS, lambda one: one.counts.packets),
    (TC_DROPS, lambda one: one.counts.drops),
    (TC_OVERLIMITS, lambda one: one.counts.overlimits),
    (TC_REQUEUES, lambda one: one.counts.requeues),
    (TC_BACKLOG_BYTES, lambda one: one.counts.backlog),
    (TC_BACKLOG_PACKETS, lambda one: one.counts.backlog_packets),
    (TC_RATE, lambda one: one.limits.rate),
    (TC_CEILING, lambda one: one.limits.ceiling),
    (TC_PACKET_RATE, lambda one: one.limits.packet_rate),
    (TC_BURST, lambda one: one.limits.burst),
)


def limiters(view: View) -> Iterator[Sample]:
    """Yield the state of traffic control on each line's interfaces.

    What makes no sense costs its own series; Unreadable tells of it, at the end.
    """
    lines = [(x.name, (*x.interfaces, *x.limiters)) for x in view.config.lines]
    found = {name: list(view.named(patterns)) for name, patterns in lines if patterns}
    look = _Look(view.kernel)
    by_link = look.controls({link.index for links in found.values() for link in links})
    for name, links in found.items():
        every = [(link.name, one) for link in links for one in by_link[link.index]]
        every.sort(key=lambda each: _rank(each[1]))
        yield Sample(OMITTED_ITEMS, (name, LIMITERS), max(0, len(every) - MOST))
        for interface, one in every[:MOST]:
            yield from _samples(name, interface, one)
    if look.problem:
        raise Unreadable(look.problem)


def _rank(one: Control) -> tuple[bool, bool]:
    """Return what those sort by that might be left out: last the queues below others."""
    limits = one.limits
    is_limit = bool(limits.rate or limits.ceiling or limits.packet_rate)
    return not is_limit, one.parent not in ("root", "ingress")


def _samples(line: str, interface: str, one: Control) -> Iterator[Sample]:
    labels = (line, interface, one.object, one.kind, one.handle, one.parent)
    for metric, value in _VALUES:
        if (found := value(one)) is not None:
            yield Sample(metric, labels, found)


class _Look:
    """One look at what controls the traffic of some interfaces."""

    def __init__(self, kernel: Rtnetlink) -> None:
        self._kernel = kernel
        self.problem = ""
        """The first thing that made no sense."""

    def controls(self, wanted: set[int]) -> dict[int, list[Control]]:
        """Return what there is, by the numbers of these interfaces."""
        found: dict[int, list[Control]] = {index: [] for index in wanted}
        # Of all interfaces, whichever is asked for.
        for one in self._dump(_GET_QDISC, qdiscs) if wanted else ():
            if one.index in found and one.kind != _NOTHING:
                found[one.index].append(one)
        return {
            index: [*held, *self._classes(index, held), *self._policers(index, held)]
            for index, held in found.items()
        }

    def _classes(self, index: int, below: Iterable[Control]) -> Iterator[Control]:
        if any(one.kind in _SHAPERS for one in below):
            found = self._dump(_GET_CLASS, classes, index)
            yield from (one for one in found if one.kind in _SHAPERS)

    def _policers(self, index: int, below: Iterable[Control]) -> Iterator[Control]:
        """Yield each policer once, however many filters share it."""
        seen = set[int]()
        for parent in _filtered(below):
            for one in self._dump(_GET_FILTER, policers, index, parent):
                if one.number not in seen:
                    seen.add(one.number)
                    yield one

    def _dump(
        self, kind: int, decode: Decode, index: int = 0, parent: int = 0
    ) -> Iterator[Control]:
        """Yield what a dump tells; nothing of an interface that has just gone."""
        request = TCMSG.pack(0, index, 0, parent, 0)
        with contextlib.suppress(Absent):
            for body in self._kernel.dump(kind, request, "rtnetlink: tc"):
                try:
                    yield from decode(body)
                except Unreadable as error:
                    self.problem = self.problem or str(error)


def _filtered(held: Iterable[Control]) -> Iterator[int]:
    """Yield where filters may hang."""
    for one in held:
        if one.kind == _CLSACT:
            yield from _CLSACT_HOOKS
        elif one.kind == _INGRESS:
            yield INGRESS_HANDLE
        elif one.kind in _FILTERED:
            yield one.number


FACILITY = Facility(
    family="uplink",
    name="limiters",
    reads="qdiscs, classes and policers of the lines' interfaces",
    readings=(limiters,),
)
