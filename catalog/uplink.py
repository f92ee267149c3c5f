"""Metrics of a dedicated line between two sites, as a node that uses it sees it; label `line`.

`receive` and `transmit` are the node's, except in metrics of a pod's host interface, where they are
the pod's.
"""

from catalog.metrics import Metric, counter, gauge

LINE = ("line",)
INTERFACE = ("line", "interface")
POD_INTERFACE = (*INTERFACE, "namespace", "pod")
DISK = ("line", "path")
DEVICE = (*DISK, "device")

RECEIVE, TRANSMIT = "receive", "transmit"
DIRECTIONS = (RECEIVE, TRANSMIT)

NODE_PATTERN, NODE_SELECTOR = "node", "selector"
MEMBER_KINDS = (NODE_PATTERN, NODE_SELECTOR)

INTERFACES, POD_INTERFACES, LIMITERS = "interfaces", "pod_interfaces", "limiters"
OMITTED = (INTERFACES, POD_INTERFACES, LIMITERS)

_FILE = "--uplink.config.file"
_LINK = "rtnetlink: RTM_GETLINK, IFLA_STATS64"
_STATVFS = "statvfs"
_DISK = "sysfs: dev/block/MAJOR:MINOR/stat"

CONFIG_VALID = gauge(
    "railwatch_uplink_config_valid",
    "1 if the configuration in use is the file as it is now; 0 if the file has become wrong, and "
    "what it said before is still in use.",
    source=_FILE,
)
CONFIG_LOADED = gauge(
    "railwatch_uplink_config_loaded_timestamp_seconds",
    "When the configuration in use was read.",
    unit="seconds",
    source=_FILE,
)
CAPACITY = gauge(
    "railwatch_uplink_capacity_bytes_per_second",
    "What the line can carry, as configured.",
    labels=(*LINE, "direction"),
    unit="bytes_per_second",
    source=_FILE,
)
MEMBER_INFO = gauge(
    "railwatch_uplink_member_info",
    "Which nodes are behind the line, as configured: a pattern of their names (`kind` node), or a "
    "label and its value (`kind` selector); always 1.",
    labels=(*LINE, "kind", "member"),
    source=_FILE,
)
OMITTED_ITEMS = gauge(
    "railwatch_uplink_omitted",
    "Things of the line that are there and not shown, to bound the number of series.",
    labels=(*LINE, "what"),
    source="exporter",
)
INTERFACE_COUNT = gauge(
    "railwatch_uplink_interfaces",
    "Network interfaces of this node that the line's patterns name.",
    labels=LINE,
    source=_LINK,
)
INTERFACE_UP = gauge(
    "railwatch_uplink_interface_up",
    "1 for an interface that can carry traffic, 0 for one that cannot. One whose driver does not "
    "say has none.",
    labels=INTERFACE,
    source="rtnetlink: RTM_GETLINK, IFLA_OPERSTATE",
)


def _interface(name: str, text: str, unit: str = "") -> Metric:
    return counter(
        f"railwatch_uplink_{name}_total", text, labels=INTERFACE, unit=unit, source=_LINK
    )


RECEIVE_BYTES = _interface("receive_bytes", "Bytes received.", "bytes")
TRANSMIT_BYTES = _interface("transmit_bytes", "Bytes sent.", "bytes")
RECEIVE_PACKETS = _interface("receive_packets", "Packets received.")
TRANSMIT_PACKETS = _interface("transmit_packets", "Packets sent.")
RECEIVE_DROPS = _interface(
    "receive_drops", "Packets dropped after they were received: no buffer, or nobody wanted them."
)
TRANSMIT_DROPS = _interface("transmit_drops", "Packets dropped before they were sent.")
RECEIVE_ERRORS = _interface("receive_errors", "Packets received with an error.")
TRANSMIT_ERRORS = _interface("transmit_errors", "Packets that could not be sent for an error.")


def _pod(name: str, text: str, unit: str = "") -> Metric:
    return counter(
        f"railwatch_uplink_pod_{name}_total",
        f"{text} Wherever to or from: not the line's traffic alone. namespace and pod are empty "
        "where not known.",
        labels=POD_INTERFACE,
        unit=unit,
        source=f"{_LINK}, of the pod's host interface",
    )


POD_RECEIVE_BYTES = _pod("receive_bytes", "Bytes that the pod received.", "bytes")
POD_TRANSMIT_BYTES = _pod("transmit_bytes", "Bytes that the pod sent.", "bytes")
POD_RECEIVE_PACKETS = _pod("receive_packets", "Packets that the pod received.")
POD_TRANSMIT_PACKETS = _pod("transmit_packets", "Packets that the pod sent.")
POD_RECEIVE_DROPS = _pod("receive_drops", "Packets dropped on their way to the pod.")
POD_TRANSMIT_DROPS = _pod("transmit_drops", "Packets dropped on their way from the pod.")


DISK_ANSWERING = gauge(
    "railwatch_uplink_disk_answering",
    "1 if the file system of a preload disk answered; 0 if it did not within a second, or refused.",
    labels=DISK,
    source=_STATVFS,
)
DISK_SIZE = gauge(
    "railwatch_uplink_disk_size_bytes",
    "Size of the file system that data is preloaded to.",
    labels=DISK,
    unit="bytes",
    source=_STATVFS,
)
DISK_FREE = gauge(
    "railwatch_uplink_disk_free_bytes",
    "Bytes of it that are not used, those kept for root among them.",
    labels=DISK,
    unit="bytes",
    source=_STATVFS,
)
DISK_AVAILABLE = gauge(
    "railwatch_uplink_disk_available_bytes",
    "Bytes of it that anyone may still use.",
    labels=DISK,
    unit="bytes",
    source=_STATVFS,
)


def _device(name: str, text: str, unit: str = "") -> Metric:
    return counter(
        f"railwatch_uplink_disk_{name}_total", text, labels=DEVICE, unit=unit, source=_DISK
    )


DISK_READ_BYTES = _device("read_bytes", "Bytes read from the device of the path.", "bytes")
DISK_WRITTEN_BYTES = _device("written_bytes", "Bytes written to the device of the path.", "bytes")
DISK_READS = _device("reads", "Reads that the device completed.")
DISK_WRITES = _device("writes", "Writes that the device completed.")
DISK_BUSY = _device("busy_seconds", "Time in which the device was at work.", "seconds")

METRICS: tuple[Metric, ...] = (
    CONFIG_VALID,
    CONFIG_LOADED,
    CAPACITY,
    MEMBER_INFO,
    OMITTED_ITEMS,
    INTERFACE_COUNT,
    INTERFACE_UP,
    RECEIVE_BYTES,
    TRANSMIT_BYTES,
    RECEIVE_PACKETS,
    TRANSMIT_PACKETS,
    RECEIVE_DROPS,
    TRANSMIT_DROPS,
    RECEIVE_ERRORS,
    TRANSMIT_ERRORS,
    POD_RECEIVE_BYTES,
    POD_TRANSMIT_BYTES,
    POD_RECEIVE_PACKETS,
    POD_TRANSMIT_PACKETS,
    POD_RECEIVE_DROPS,
    POD_TRANSMIT_DROPS,
    DISK_ANSWERING,
    DISK_SIZE,
    DISK_FREE,
    DISK_AVAILABLE,
    DISK_READ_BYTES,
    DISK_WRITTEN_BYTES,
    DISK_READS,
    DISK_WRITES,
    DISK_BUSY,
)
