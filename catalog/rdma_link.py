"""The history of a port's link: what went on between now and when the exporter started."""

from catalog.metrics import Metric, counter, gauge
from catalog.rdma import PORT

UP, DOWN = "up", "down"

LINK_DOWN_REASONS = (
    "autonegotiation", "link_training", "logical_mismatch", "bad_signal", "no_cable",
    "cable_issue", "eeprom_issue", "calibration_failure", "power_budget_exceeded", "overheat",
    "module",
)  # fmt: skip
"""ETHTOOL_LINK_EXT_STATE_… of include/uapi/linux/ethtool.h, in its order."""

SYMBOL, CORRECTED = "symbol", "corrected"
ERRORS = (SYMBOL, CORRECTED)
"""symbol: errors that FEC did not put right; corrected: bits that it did."""

SHORT, LONG = "short", "long"
WINDOW_BITS = {SHORT: 2.88e14, LONG: 3e15}
"""How many bits a window holds. At 400 Gb/s these are the 12 and 125 minutes after which NVIDIA's
UFM judges a link (PDR plugin: more than 2.88 and 3 symbol errors, which are 1e-14 and 1e-15); at
half the rate a window is twice as long, and as certain."""

RDMA_CARRIER_EVENTS = counter(
    "railwatch_rdma_port_carrier_events_total",
    "Times the port's network interface gained (up) or lost (down) its carrier since the "
    "exporter's worker started, as the kernel told.",
    labels=(*PORT, "event"),
    source="rtnl RTM_NEWLINK",
)
RDMA_LINK_DOWN_REASON = gauge(
    "railwatch_rdma_port_link_down_reason",
    "1 for why the link is down, where its driver knows; absent while it is up.",
    labels=(*PORT, "reason"),
    source="ethtool LINKSTATE_GET",
)
RDMA_LINK_DOWNS = counter(
    "railwatch_rdma_port_downs_total",
    "Times the link is known to have gone down since the exporter started: seen so, or counted by "
    "the port or its network interface, whichever says more. Goes on where link_downed sticks.",
    labels=PORT,
    source="exporter",
)
RDMA_LINK_FLAPS = counter(
    "railwatch_rdma_port_flaps_total",
    "Times the port came back after it had been down for at least 25 s.",
    labels=PORT,
    source="exporter",
)
RDMA_LINK_DROPS = counter(
    "railwatch_rdma_port_drops_total",
    "Times the port stayed down for 4 minutes without trying: link_downed did not move.",
    labels=PORT,
    source="exporter",
)
RDMA_LINK_FLAPPING = gauge(
    "railwatch_rdma_port_flapping",
    "1 where the port came back at least three times within the last 12 hours, else 0.",
    labels=PORT,
    source="exporter",
)
RDMA_LINK_DROPPED = gauge(
    "railwatch_rdma_port_dropped",
    "1 from when the port has stayed down for 4 minutes until 10 minutes after it is back, else 0.",
    labels=PORT,
    source="exporter",
)
RDMA_LINK_LAST_DOWN = gauge(
    "railwatch_rdma_port_last_down_timestamp_seconds",
    "When the port was last seen to have gone down; absent where it was not.",
    labels=PORT,
    unit="seconds",
    source="exporter",
)
RDMA_LINK_LAST_UP = gauge(
    "railwatch_rdma_port_last_up_timestamp_seconds",
    "When the port was last seen to have become active; absent where it was not.",
    labels=PORT,
    unit="seconds",
    source="exporter",
)
RDMA_BIT_ERROR_RATIO = gauge(
    "railwatch_rdma_port_bit_error_ratio",
    "Errors a bit over a window of 2.88e14 (short) or 3e15 bits (long): 12 and 125 minutes at "
    "400 Gb/s. Absent until the link was active at one rate for a whole window, and where the "
    "counter was reset or stands at its ceiling.",
    labels=(*PORT, "errors", "window"),
    unit="ratio",
    source="exporter: counters/symbol_error; ethtool's symbol errors and corrected bits",
)

RDMA_PORT_PEER = gauge(
    "railwatch_rdma_port_peer_info",
    "The switch port at the other end of the port's link, as LLDP told it last; always 1. It stays "
    "while the link is down, so that one that flaps or is lost is named by both its ends.",
    labels=(*PORT, "peer", "peer_port"),
    source="--lldp.file, or LLDP frames",
)

METRICS: tuple[Metric, ...] = (
    RDMA_PORT_PEER,
    RDMA_CARRIER_EVENTS,
    RDMA_LINK_DOWN_REASON,
    RDMA_LINK_DOWNS,
    RDMA_LINK_FLAPS,
    RDMA_LINK_DROPS,
    RDMA_LINK_FLAPPING,
    RDMA_LINK_DROPPED,
    RDMA_LINK_LAST_DOWN,
    RDMA_LINK_LAST_UP,
    RDMA_BIT_ERROR_RATIO,
)
