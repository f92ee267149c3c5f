"""Metrics of a GPU's NVLinks: over all of them, and of the worst; each link's own behind a flag."""

from catalog.gpu import DEVICE
from catalog.metrics import Metric, counter, gauge

LINK = (*DEVICE, "link")

LINK_STATES = ("inactive", "active", "sleep", "traffic_disabled")
"""NVML_NVLINK_STATE_*, from 0 on."""

UNKNOWN_STATE = "unknown"

REMOTES = {0: "gpu", 1: "npu", 2: "switch"}
"""nvmlIntNvLinkDeviceType_t."""

UNKNOWN_REMOTE = "unknown"

_STATE = "field NVML_FI_DEV_NVLINK_GET_STATE; nvmlDeviceGetNvLinkState on older drivers"
_SPEED = "field NVML_FI_DEV_NVLINK_GET_SPEED (MB/s)"
_BYTES = "field NVML_FI_DEV_NVLINK_COUNT_{}_BYTES; _THROUGHPUT_DATA_{} (KiB) before NVLink 5"
_ERRORS = (
    "fields NVML_FI_DEV_NVLINK_ERROR_DL_*, _COUNT_*, PLR_XMIT_RETRY_BLOCKS; _*_ERROR_COUNT_L* on "
    "older cards"
)
_RECOVERIES = "fields NVML_FI_DEV_NVLINK_COUNT_LINK_RECOVERY_*"
_RATIO = "fields NVML_FI_DEV_NVLINK_COUNT_SYMBOL_BER, _EFFECTIVE_BER, _RAW_BER_V2"
_FEC = "fields NVML_FI_DEV_NVLINK_COUNT_FEC_HISTORY_*"
_KINDS = (
    "replay, recovery, crc (crc_flit, crc_data and ecc_data on older cards); from NVLink 5 on "
    "malformed_packet, buffer_overrun, receive, receive_remote, receive_general, "
    "local_integrity, transmit_discard, effective (left after correction), symbol, "
    "retransmitted_block. One event may count in several kinds"
)
_HELD = "a link that stops telling keeps what it last told"

NVLINK_LINKS = gauge(
    "railwatch_gpu_nvlink_links",
    "NVLinks of the GPU by the state they are in; a card may have links that lead nowhere.",
    labels=(*DEVICE, "state"),
    source=_STATE,
    states=(*LINK_STATES, UNKNOWN_STATE),
)
NVLINK_REMOTES = gauge(
    "railwatch_gpu_nvlink_remotes",
    "NVLinks of the GPU by what is at their other end: gpu, npu, switch, unknown.",
    labels=(*DEVICE, "remote"),
    source="nvmlDeviceGetNvLinkRemoteDeviceType",
)
NVLINK_SPEED = gauge(
    "railwatch_gpu_nvlink_speed_bytes_per_second",
    "What the active NVLinks can carry together, each way.",
    labels=DEVICE,
    unit="bytes",
    source=_SPEED,
)
NVLINK_TRANSMITTED = counter(
    "railwatch_gpu_nvlink_transmitted_bytes_total",
    f"Sent over all NVLinks; {_HELD}.",
    labels=DEVICE,
    unit="bytes",
    source=_BYTES.format("XMIT", "TX"),
)
NVLINK_RECEIVED = counter(
    "railwatch_gpu_nvlink_received_bytes_total",
    f"Received over all NVLinks; {_HELD}.",
    labels=DEVICE,
    unit="bytes",
    source=_BYTES.format("RCV", "RX"),
)
NVLINK_ERRORS = counter(
    "railwatch_gpu_nvlink_errors_total",
    f"Errors of all NVLinks by kind: {_KINDS}; {_HELD}.",
    labels=(*DEVICE, "kind"),
    source=_ERRORS,
)
NVLINK_ERRORS_WORST = counter(
    "railwatch_gpu_nvlink_errors_worst_total",
    "Errors by kind of the one NVLink that counts most of that kind: near the total, one link is "
    "bad; far below it, many are. Absent while there are none.",
    labels=(*DEVICE, "kind"),
    source=_ERRORS,
)
NVLINK_RECOVERIES = counter(
    "railwatch_gpu_nvlink_recoveries_total",
    "Times a running NVLink had to recover, by how it ended: successful, failed (the link is "
    f"down). NVLink 5 and newer; {_HELD}.",
    labels=(*DEVICE, "result"),
    source=_RECOVERIES,
)
NVLINK_RECOVERIES_BEGUN = counter(
    "railwatch_gpu_nvlink_recoveries_begun_total",
    f"Times a running NVLink had to recover, however it ended. NVLink 5 and newer; {_HELD}.",
    labels=DEVICE,
    source=_RECOVERIES,
)
NVLINK_RECOVERIES_WORST = counter(
    "railwatch_gpu_nvlink_recoveries_worst_total",
    "Recoveries of the one NVLink that counts most with that end. Absent while there are none.",
    labels=(*DEVICE, "result"),
    source=_RECOVERIES,
)
NVLINK_BIT_ERROR_RATIO_WORST = gauge(
    "railwatch_gpu_nvlink_bit_error_worst_ratio",
    "Share of bits that are wrong, on the NVLink where it is highest, by kind: raw (before "
    "correction), effective (after it), symbol. NVLink 5 and newer.",
    labels=(*DEVICE, "kind"),
    unit="ratio",
    source=_RATIO,
)
NVLINK_CORRECTED_SYMBOLS_WORST = gauge(
    "railwatch_gpu_nvlink_corrected_symbols_worst",
    "The highest bin, 0 to 15, of the history of forward error correction in which any NVLink "
    "counts anything: how near correction came to its end. NVLink 5 and newer.",
    labels=DEVICE,
    source=_FEC,
)
NVLINK_LINK_INFO = gauge(
    "railwatch_gpu_nvlink_link_info",
    "What is at the other end of an NVLink (gpu, npu, switch, unknown), its PCI function and the "
    "link's number there; always 1.",
    labels=(*LINK, "remote", "remote_pci_bus_id", "remote_link"),
    source="nvmlDeviceGetNvLinkRemoteDeviceType, GetNvLinkRemotePciInfo, field "
    "NVML_FI_DEV_NVLINK_REMOTE_NVLINK_ID",
)
NVLINK_LINK_STATE = gauge(
    "railwatch_gpu_nvlink_link_state",
    "1 for the state the NVLink is in, 0 for every other.",
    labels=(*LINK, "state"),
    source=_STATE,
    states=(*LINK_STATES, UNKNOWN_STATE),
)
NVLINK_LINK_SPEED = gauge(
    "railwatch_gpu_nvlink_link_speed_bytes_per_second",
    "What the NVLink can carry, each way.",
    labels=LINK,
    unit="bytes",
    source=_SPEED,
)
NVLINK_LINK_TRANSMITTED = counter(
    "railwatch_gpu_nvlink_link_transmitted_bytes_total",
    "Sent over the NVLink.",
    labels=LINK,
    unit="bytes",
    source=_BYTES.format("XMIT", "TX"),
)
NVLINK_LINK_RECEIVED = counter(
    "railwatch_gpu_nvlink_link_received_bytes_total",
    "Received over the NVLink.",
    labels=LINK,
    unit="bytes",
    source=_BYTES.format("RCV", "RX"),
)
NVLINK_LINK_ERRORS = counter(
    "railwatch_gpu_nvlink_link_errors_total",
    f"Errors of the NVLink by kind: {_KINDS}. Also raw_lane0 and raw_lane1: before correction.",
    labels=(*LINK, "kind"),
    source=_ERRORS,
)
NVLINK_LINK_RECOVERIES = counter(
    "railwatch_gpu_nvlink_link_recoveries_total",
    "Times the running NVLink had to recover, by how it ended: successful, failed.",
    labels=(*LINK, "result"),
    source=_RECOVERIES,
)
NVLINK_LINK_BIT_ERROR_RATIO = gauge(
    "railwatch_gpu_nvlink_link_bit_error_ratio",
    "Share of the NVLink's bits that are wrong, by kind: raw, effective, symbol.",
    labels=(*LINK, "kind"),
    unit="ratio",
    source=_RATIO,
)
NVLINK_LINK_CORRECTED = counter(
    "railwatch_gpu_nvlink_link_corrections_total",
    "Forward error correction of the NVLink, by bin of its history, 0 to 15: the higher, the more "
    "symbols had to be corrected at once.",
    labels=(*LINK, "bin"),
    source=_FEC,
)

METRICS: tuple[Metric, ...] = (
    NVLINK_LINKS,
    NVLINK_REMOTES,
    NVLINK_SPEED,
    NVLINK_TRANSMITTED,
    NVLINK_RECEIVED,
    NVLINK_ERRORS,
    NVLINK_ERRORS_WORST,
    NVLINK_RECOVERIES,
    NVLINK_RECOVERIES_BEGUN,
    NVLINK_RECOVERIES_WORST,
    NVLINK_BIT_ERROR_RATIO_WORST,
    NVLINK_CORRECTED_SYMBOLS_WORST,
    NVLINK_LINK_INFO,
    NVLINK_LINK_STATE,
    NVLINK_LINK_SPEED,
    NVLINK_LINK_TRANSMITTED,
    NVLINK_LINK_RECEIVED,
    NVLINK_LINK_ERRORS,
    NVLINK_LINK_RECOVERIES,
    NVLINK_LINK_BIT_ERROR_RATIO,
    NVLINK_LINK_CORRECTED,
)
