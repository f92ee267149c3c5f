"""Metrics of traffic control: what shapes and polices the interfaces of a line."""

from catalog.metrics import Metric, counter, gauge
from catalog.uplink import INTERFACE

TC = (*INTERFACE, "object", "kind", "handle", "parent")

QDISC, CLASS, POLICER = "qdisc", "class", "policer"
TC_OBJECTS = (QDISC, CLASS, POLICER)

_TC = "rtnetlink: RTM_GETQDISC, RTM_GETTCLASS, RTM_GETTFILTER"


def _tc(name: str, text: str, unit: str = "") -> Metric:
    return counter(f"railwatch_uplink_tc_{name}_total", text, labels=TC, unit=unit, source=_TC)


_WRAPS = " The kernel's 32-bit counter: it begins anew after 4,294,967,295."

TC_BYTES = _tc("bytes", "Bytes that passed, or met, the qdisc, class or policer.", "bytes")
TC_PACKETS = _tc("packets", "Packets that passed, or met, the qdisc, class or policer.")
TC_DROPS = _tc("drops", f"Packets that it dropped.{_WRAPS}")
TC_OVERLIMITS = _tc("overlimits", f"Times that a packet had to wait, or go, for the rate.{_WRAPS}")
TC_REQUEUES = _tc("requeues", f"Packets that the driver gave back.{_WRAPS}")
TC_BACKLOG_BYTES = gauge(
    "railwatch_uplink_tc_backlog_bytes",
    "Bytes that wait in the qdisc or class.",
    labels=TC,
    unit="bytes",
    source=_TC,
)
TC_BACKLOG_PACKETS = gauge(
    "railwatch_uplink_tc_backlog_packets",
    "Packets that wait in the qdisc or class.",
    labels=TC,
    source=_TC,
)
TC_RATE = gauge(
    "railwatch_uplink_tc_rate_bytes_per_second",
    "Rate that is set: what tbf, cake and a policer let through, what a class of htb or hfsc is "
    "promised.",
    labels=TC,
    unit="bytes_per_second",
    source=_TC,
)
TC_CEILING = gauge(
    "railwatch_uplink_tc_ceiling_bytes_per_second",
    "Rate that is never exceeded: htb's ceil, hfsc's upper limit, the peak rate of tbf and of a "
    "policer.",
    labels=TC,
    unit="bytes_per_second",
    source=_TC,
)
TC_PACKET_RATE = gauge(
    "railwatch_uplink_tc_rate_packets_per_second",
    "Rate that is set for a policer in packets.",
    labels=TC,
    source=_TC,
)
TC_BURST = gauge(
    "railwatch_uplink_tc_burst_bytes",
    "Bytes that may pass at once above the rate.",
    labels=TC,
    unit="bytes",
    source=_TC,
)
METRICS: tuple[Metric, ...] = (
    TC_BYTES,
    TC_PACKETS,
    TC_DROPS,
    TC_OVERLIMITS,
    TC_REQUEUES,
    TC_BACKLOG_BYTES,
    TC_BACKLOG_PACKETS,
    TC_RATE,
    TC_CEILING,
    TC_PACKET_RATE,
    TC_BURST,
)
