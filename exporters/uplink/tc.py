"""Traffic control, as the kernel tells of it: qdiscs, classes, policers.

Layouts and numbers are those of include/uapi/linux/rtnetlink.h, pkt_sched.h, pkt_cls.h and
gen_stats.h. Rates of 4 GiB/s and more stand in an attribute of their own, beside a 32-bit one that
is full.
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from catalog.uplink_tc import CLASS, POLICER, QDISC
from exporters.rdma.attributes import attributes, number
from exporters.uplink.rtnetlink import text, unpack

TCMSG = struct.Struct("=BxxxiIII")
"""Address family, interface, handle, parent, info."""

_KIND, _OPTIONS, _STATS2 = 1, 2, 7
_BASIC, _QUEUE, _PACKETS64 = 1, 3, 8
_BASIC_FORM = struct.Struct("=QI")
_QUEUE_FORM = struct.Struct("=IIIII")

_TICK = 64e-9
"""Seconds: the scheduler's unit of time (PSCHED_SHIFT), in which bursts are told."""

_PARMS = 1
"""Of tbf, htb and police alike: the structure of their numbers."""
_TBF_RATE64, _TBF_PEAK64 = 4, 5
_HTB_RATE64, _HTB_CEIL64 = 6, 7
_POLICE_RATE64, _POLICE_PEAK64, _POLICE_PACKETS64 = 8, 9, 10
_CAKE_RATE64 = 2
_TBF = struct.Struct("=8xI8xIIII")
_HTB = struct.Struct("=8xI8xII16x")
_POLICE = struct.Struct("=IiIII8xI8xI12x")
_CURVE = struct.Struct("=III")
_REAL_TIME, _LINK_SHARE, _UPPER_LIMIT = 1, 2, 3

_ACTION_KIND, _ACTION_OPTIONS, _ACTION_STATS = 1, 2, 4
_POLICE_KIND = "police"

_ACTIONS: Mapping[str, tuple[int, int]] = {
    "u32": (7, 6),
    "flower": (3, 0),
    "matchall": (2, 0),
    "basic": (3, 4),
    "fw": (4, 2),
    "flow": (9, 10),
    "route": (6, 5),
    "bpf": (1, 2),
    "cgroup": (1, 2),
}
"""Where a filter's options hold its actions; and a policer in the way of old, 0 for nowhere."""

_ROOT = 0xFFFFFFFF
_HOOKS = {_ROOT: "root", 0xFFFFFFF1: "ingress", 0xFFFFFFF2: "ingress", 0xFFFFFFF3: "egress"}
INGRESS_HANDLE = 0xFFFF0000


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is set, in bytes a second and bytes; None for what is not."""

    rate: float | None = None
    ceiling: float | None = None
    burst: float | None = None
    packet_rate: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What the kernel counts; None for what it does not. `backlog` is in bytes."""

    bytes: int | None = None
    packets: int | None = None
    drops: int | None = None
    overlimits: int | None = None
    requeues: int | None = None
    backlog: int | None = None
    backlog_packets: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """A qdisc, class or policer."""

    object: str
    index: int
    """The interface's number."""
    kind: str
    handle: str
    """As the command tc writes it; of a policer, its index."""
    parent: str
    number: int
    """The handle as a number."""
    limits: Limits
    counts: Counts


Attributes = Mapping[int, bytes]


def qdiscs(body: bytes) -> Iterator[Control]:
    """Yield the one qdisc that a message tells of; Unreadable where it makes no sense."""
    yield _queue(body, QDISC)


def classes(body: bytes) -> Iterator[Control]:
    """Yield the one class that a message tells of; Unreadable where it makes no sense."""
    yield _queue(body, CLASS)


def _queue(body: bytes, what: str) -> Control:
    _, index, handle, parent, _ = unpack(TCMSG, body, f"tc {what}")
    held = dict(attributes(body[TCMSG.size :]))
    kind = text(held.get(_KIND, b""))
    read = _LIMITS.get((what, kind))
    options = dict(attributes(held.get(_OPTIONS, b""))) if read else {}
    return Control(
        object=what,
        index=index,
        kind=kind,
        handle=name(handle),
        parent=name(parent),
        number=handle,
        limits=read(options) if read else Limits(),
        counts=_counts(held.get(_STATS2, b"")),
    )


def policers(body: bytes) -> Iterator[Control]:
    """Yield the policers of the filter that a message tells of; Unreadable as above."""
    _, index, _, parent, _ = unpack(TCMSG, body, "tc filter")
    held = dict(attributes(body[TCMSG.size :]))
    at = _ACTIONS.get(text(held.get(_KIND, b"")))
    if at is None or _OPTIONS not in held:
        return
    options = dict(attributes(held[_OPTIONS]))
    for action, stats in _actions(options, at, held):
        limits, numbered = _police(action)
        yield Control(
            object=POLICER,
            index=index,
            kind=_POLICE_KIND,
            handle=str(numbered),
            parent="ingress" if parent == INGRESS_HANDLE else name(parent),
            number=numbered,
            limits=limits,
            # It has no queue.
            counts=replace(_counts(stats), requeues=None, backlog=None, backlog_packets=None),
        )


def _actions(
    options: Attributes, at: tuple[int, int], held: Attributes
) -> Iterator[tuple[Attributes, bytes]]:
    """Yield the options and the statistics of each policing action."""
    actions, old = at
    for _, nested in attributes(options.get(actions, b"")):
        action = dict(attributes(nested))
        if text(action.get(_ACTION_KIND, b"")) == _POLICE_KIND:
            inner = dict(attributes(action.get(_ACTION_OPTIONS, b"")))
            yield inner, action.get(_ACTION_STATS, b"")
    if old and old in options:
        yield dict(attributes(options[old])), held.get(_STATS2, b"")


def name(handle: int) -> str:
    """Return a handle as tc writes it."""
    if handle in _HOOKS:
        return _HOOKS[handle]
    major, minor = handle >> 16, handle & 0xFFFF
    return f"{major:x}:{minor:x}" if minor else f"{major:x}:"


def _counts(nested: bytes) -> Counts:
    """Return what statistics tell."""
    held = dict(attributes(nested))
    if _BASIC not in held:
        return Counts()
    passed, packets = unpack(_BASIC_FORM, held[_BASIC], "tc statistics")
    if _PACKETS64 in held:
        packets = number(held[_PACKETS64], 64)
    if _QUEUE not in held:
        return Counts(bytes=passed, packets=packets)
    queue = unpack(_QUEUE_FORM, held[_QUEUE], "tc queue statistics")
    waiting, backlog, drops, requeues, overlimits = queue
    return Counts(
        bytes=passed,
        packets=packets,
        drops=drops,
        overlimits=overlimits,
        requeues=requeues,
        backlog=backlog,
        backlog_packets=waiting,
    )


def _rate(held: Attributes, wide: int, narrow: int) -> float | None:
    """Return a rate: its 64-bit attribute, else the number in the structure; None for no rate."""
    return float(number(held[wide], 64) if wide in held else narrow) or None


def _burst(rate: float | None, ticks: int) -> float | None:
    """Return the bytes that pass at a rate in a time, which is how the kernel keeps a burst."""
    return rate * ticks * _TICK if rate and ticks else None


def _tbf(options: Attributes) -> Limits:
    narrow, peak, _, buffer, _ = unpack(_TBF, options.get(_PARMS, b""), "tc tbf")
    rate = _rate(options, _TBF_RATE64, narrow)
    ceiling = _rate(options, _TBF_PEAK64, peak)
    return Limits(rate=rate, ceiling=ceiling, burst=_burst(rate, buffer))


def _htb(options: Attributes) -> Limits:
    narrow, ceil, buffer = unpack(_HTB, options.get(_PARMS, b""), "tc htb")
    rate = _rate(options, _HTB_RATE64, narrow)
    ceiling = _rate(options, _HTB_CEIL64, ceil)
    return Limits(rate=rate, ceiling=ceiling, burst=_burst(rate, buffer))


def _hfsc(options: Attributes) -> Limits:
    """Return the promised rate, else the share; and the upper limit: each curve's second slope."""
    slopes = {
        curve: unpack(_CURVE, options[curve], "tc hfsc")[2]
        for curve in (_REAL_TIME, _LINK_SHARE, _UPPER_LIMIT)
        if curve in options
    }
    rate = slopes.get(_REAL_TIME) or slopes.get(_LINK_SHARE) or 0
    return Limits(rate=float(rate) or None, ceiling=float(slopes.get(_UPPER_LIMIT, 0)) or None)


def _cake(options: Attributes) -> Limits:
    return Limits(rate=_rate(options, _CAKE_RATE64, 0))


def _police(options: Attributes) -> tuple[Limits, int]:
    """Return what a policer lets through, and its number."""
    parms = unpack(_POLICE, options.get(_PARMS, b""), "tc police")
    index, _, _, ticks, _, narrow, peak = parms
    rate = _rate(options, _POLICE_RATE64, narrow)
    limits = Limits(
        rate=rate,
        ceiling=_rate(options, _POLICE_PEAK64, peak),
        burst=_burst(rate, ticks),
        packet_rate=_rate(options, _POLICE_PACKETS64, 0),
    )
    return limits, index


_LIMITS: Mapping[tuple[str, str], Callable[[Attributes], Limits]] = {
    (QDISC, "tbf"): _tbf,
    (QDISC, "cake"): _cake,
    (CLASS, "htb"): _htb,
    (CLASS, "hfsc"): _hfsc,
}
