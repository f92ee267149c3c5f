"""Metrics of an InfiniBand fabric as a whole, read once a fabric and not on every node.

`guid` is the port GUID in the kernel's notation: that of a switch stands for all its ports, that of
an HCA port is the one in `railwatch_rdma_port_info`. Names are node descriptions, for display.
"""

from collections.abc import Mapping

from catalog.metrics import Metric, counter, gauge

SWITCH_PORT = ("guid", "switch", "port")
LINK = (*SWITCH_PORT, "peer_guid", "peer", "peer_port")
"""A link by both its ends; the first is a switch's."""

LEAF, SPINE, CORE, UNKNOWN = "leaf", "spine", "core", "unknown"
ROLES = (LEAF, SPINE, CORE, UNKNOWN)
"""How far a switch is from the nodes; unknown where no way leads to one."""

SWITCH, HCA, ROUTER, AGGREGATION = "switch", "hca", "router", "aggregation"
KINDS = (SWITCH, HCA, ROUTER, AGGREGATION)
"""Nodes of a fabric; aggregation: what computes inside a switch and shows itself as an HCA."""

ADDED, LOST, MOVED = "added", "lost", "moved"
CHANGES = (ADDED, LOST, MOVED)

DOWN, SLOW, ERRORS, FLAPPED = "not_active", "slow", "errors", "flapped"
FAULTS = (DOWN, SLOW, ERRORS, FLAPPED)
"""Why a link is bad: joined and not active; below what both ends can do; errors, or losses of the
link, since the last reading."""

TIMEOUT, FAILED, OVERSIZE, GARBLED = "timeout", "failed", "oversize", "garbled"
TOOL_FAILURES = (TIMEOUT, FAILED, OVERSIZE, GARBLED)

_TOOLS = "ibnetdiscover"

FABRIC_COMPLETE = gauge(
    "railwatch_fabric_discovery_complete",
    "1 if every node answered the last discovery; 0 if not, and then what is missing may be there.",
    source=_TOOLS,
)
FABRIC_NODES = gauge(
    "railwatch_fabric_nodes", "Nodes of the fabric by kind.", labels=("kind",), source=_TOOLS
)
FABRIC_LINKS = gauge("railwatch_fabric_links", "Links between nodes of the fabric.", source=_TOOLS)
FABRIC_SWITCH_INFO = gauge(
    "railwatch_fabric_switch_info",
    "Place of a switch; always 1. `tier` is its distance from the nodes: 0 where they hang.",
    labels=("guid", "switch", "tier", "role"),
    source=_TOOLS,
)
FABRIC_HCA_INFO = gauge(
    "railwatch_fabric_hca_info",
    "Where an HCA's port hangs; always 1. `host` and `device` are the words of its description, "
    "empty where that names no host.",
    labels=("guid", "host", "device", "leaf_guid", "leaf", "leaf_port"),
    source=_TOOLS,
)
FABRIC_LINK_INFO = gauge(
    "railwatch_fabric_link_info",
    "A link by both its ends; always 1, one series for each end that is a switch's.",
    labels=LINK,
    source=_TOOLS,
)
FABRIC_PORT_RATE = gauge(
    "railwatch_fabric_port_rate_bytes_per_second",
    "Rate of a linked switch port, one direction.",
    labels=SWITCH_PORT,
    unit="bytes_per_second",
    source=_TOOLS,
)
FABRIC_PORT_LANES = gauge(
    "railwatch_fabric_port_lanes", "Lanes of the link.", labels=SWITCH_PORT, source=_TOOLS
)
FABRIC_PORT_STATE = gauge(
    "railwatch_fabric_port_state",
    "Logical state of a switch port: 1 Down, 2 Initialize, 3 Armed, 4 Active (IBTA PortState).",
    labels=SWITCH_PORT,
    source="iblinkinfo",
)
FABRIC_PORT_PHYSICAL_STATE = gauge(
    "railwatch_fabric_port_physical_state",
    "Physical state of a switch port: 1 Sleep, 2 Polling, 3 Disabled, 4 Training, 5 LinkUp, "
    "6 LinkErrorRecovery, 7 PhyTest (IBTA PortPhysicalState).",
    labels=SWITCH_PORT,
    source="iblinkinfo",
)
FABRIC_LINK_BAD = gauge(
    "railwatch_fabric_link_bad",
    "1 for a link that is bad now, by both its ends and why; else absent.",
    labels=(*LINK, "reason"),
    source="iblinkinfo, perfquery",
)
FABRIC_LINKS_BAD = gauge(
    "railwatch_fabric_links_bad",
    "Switch ports whose link is bad now, by why; also those beyond what `link_bad` names.",
    labels=("reason",),
    source="iblinkinfo, perfquery",
)
FABRIC_LINK_LOST = gauge(
    "railwatch_fabric_link_lost",
    "1 for a link that was seen since the exporter started, and is not there now; absent again "
    "when it is back, or one of its ends is linked elsewhere.",
    labels=LINK,
    source=_TOOLS,
)
FABRIC_CHANGES = counter(
    "railwatch_fabric_topology_changes_total",
    "Links that a discovery found added, lost or moved since the one before.",
    labels=("change",),
    source=_TOOLS,
)
FABRIC_MISCABLED = gauge(
    "railwatch_fabric_miscabled",
    "1 for an HCA that hangs on another leaf than those of the same index in its neighbours; else "
    "absent.",
    labels=(
        "guid", "host", "device", "leaf_guid", "leaf", "leaf_port", "expected_leaf_guid",
        "expected_leaf",
    ),
    source=_TOOLS,
)  # fmt: skip
FABRIC_RAILS_JUDGED = gauge(
    "railwatch_fabric_rails_judged",
    "HCAs whose leaf could be compared with their neighbours' (`yes`), and that could not (`no`).",
    labels=("judged",),
    source=_TOOLS,
)
FABRIC_COUNTERS_AGE = gauge(
    "railwatch_fabric_counters_age_seconds",
    "How old the oldest of the switch counters is that are shown.",
    unit="seconds",
    source="perfquery",
)
FABRIC_SATURATED = gauge(
    "railwatch_fabric_counter_saturated",
    "1 for a counter that stands at its ceiling and hides every further event; else absent.",
    labels=(*SWITCH_PORT, "counter"),
    source="perfquery",
)
FABRIC_TOOL_FAILURES = counter(
    "railwatch_fabric_tool_failures_total",
    "Runs of a fabric tool that brought nothing, by why.",
    labels=("tool", "reason"),
    source="exporter",
)
FABRIC_MADS = counter(
    "railwatch_fabric_mads_total",
    "Management packets that the fabric tools were asked to send, as estimated from their answers.",
    source="exporter",
)


def _port(name: str, field: str, text: str, unit: str = "") -> Metric:
    return counter(
        f"railwatch_fabric_port_{name}_total",
        text,
        labels=SWITCH_PORT,
        unit=unit,
        source=f"perfquery: {field}",
    )


_ERROR_FIELDS = (
    ("SymbolErrorCounter", 16, "symbol_error", "Minor link errors on one or more lanes."),
    ("LinkErrorRecoveryCounter", 8, "link_error_recovery", "Times the link recovered by itself."),
    ("LinkDownedCounter", 8, "link_downed", "Times the link went down."),
    ("PortRcvErrors", 16, "receive_errors", "Packets received with an error."),
    ("PortRcvRemotePhysicalErrors", 16, "receive_remote_physical_errors",
     "Packets received that were marked bad upstream."),
    ("PortXmitDiscards", 16, "transmit_discards", "Packets not sent: port down or congested."),
    ("LocalLinkIntegrityErrors", 4, "local_link_integrity_errors",
     "Times local errors went over their threshold."),
    ("ExcessiveBufferOverrunErrors", 4, "excessive_buffer_overrun_errors",
     "Times buffers overran beyond the threshold."),
    ("VL15Dropped", 16, "vl15_dropped", "Management packets dropped for want of a buffer."),
    ("PortXmitWait", 32, "transmit_wait", "Ticks with data to send but no credit."),
)  # fmt: skip

ERROR_COUNTERS: Mapping[str, tuple[Metric, int]] = {
    field: (_port(name, field, f"{text} Sticks at {(1 << bits) - 1}."), (1 << bits) - 1)
    for field, bits, name, text in _ERROR_FIELDS
}
"""What is always read of a switch port, by perfquery's field; with the value where it sticks."""

TRAFFIC_COUNTERS: Mapping[str, Metric] = {
    "PortXmitData": _port(
        "transmit_bytes", "PortXmitData (words of 4 bytes)", "Bytes sent.", "bytes"
    ),
    "PortRcvData": _port(
        "receive_bytes", "PortRcvData (words of 4 bytes)", "Bytes received.", "bytes"
    ),
    "PortXmitPkts": _port("transmit_packets", "PortXmitPkts", "Packets sent."),
    "PortRcvPkts": _port("receive_packets", "PortRcvPkts", "Packets received."),
}
"""What is read too with `--fabric.traffic`, from the 64-bit counters."""

METRICS: tuple[Metric, ...] = (
    FABRIC_COMPLETE,
    FABRIC_NODES,
    FABRIC_LINKS,
    FABRIC_SWITCH_INFO,
    FABRIC_HCA_INFO,
    FABRIC_LINK_INFO,
    FABRIC_PORT_RATE,
    FABRIC_PORT_LANES,
    FABRIC_PORT_STATE,
    FABRIC_PORT_PHYSICAL_STATE,
    FABRIC_LINK_BAD,
    FABRIC_LINKS_BAD,
    FABRIC_LINK_LOST,
    FABRIC_CHANGES,
    FABRIC_MISCABLED,
    FABRIC_RAILS_JUDGED,
    FABRIC_COUNTERS_AGE,
    FABRIC_SATURATED,
    *(metric for metric, _ in ERROR_COUNTERS.values()),
    *TRAFFIC_COUNTERS.values(),
    FABRIC_TOOL_FAILURES,
    FABRIC_MADS,
)
