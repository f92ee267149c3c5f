"""The counters of RDMA ports: which file, how wide, what it counts.

Widths are those of the InfiniBand PMA attributes (PORT_PMA_ATTR in the kernel's core/sysfs.c):
these stick at all-ones (IBA 16.1.3.5), and then hide every further event. Whether the drivers' own
32-bit counters wrap or stick is not documented, so nothing is said of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from catalog.metrics import Metric, counter, gauge
from catalog.rdma import PORT, RDMA_PORT_LINK_DOWNED

PMA = "counters"
DRIVER = "hw_counters"
"""Folders, of a port and (only this one) of a device as a whole."""
LEGACY = "counters_ext"
"""A port's folder of 64-bit counters in kernels before 4.5."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortCounter:
    """One counter that is known by its file's name."""

    folder: str
    file: str
    metric: Metric
    bits: int
    sticks: bool
    """Whether it stays at its highest value. False also where that is not documented."""

    @property
    def ceiling(self) -> int | None:
        """The value at which the counter no longer counts, None where there is none such."""
        return (1 << self.bits) - 1 if self.sticks else None


def _pma(file: str, bits: int, text: str, metric: Metric | None = None) -> PortCounter:
    sticky = "" if bits == 64 else f" Sticks at {(1 << bits) - 1}."  # noqa: PLR2004 - bits
    return PortCounter(
        folder=PMA,
        file=file,
        metric=metric or _metric(PMA, file, f"{text}{sticky}"),
        bits=bits,
        sticks=True,
    )


def _own(file: str, text: str, bits: int = 64) -> PortCounter:
    return PortCounter(
        folder=DRIVER, file=file, metric=_metric(DRIVER, file, text), bits=bits, sticks=False
    )


def _same(file: str, known: str, bits: int = 64) -> PortCounter:
    """Return what another driver's name is for, which is the same thing."""
    metric = next(one.metric for one in _NAMED if (one.folder, one.file) == (DRIVER, known))
    return PortCounter(folder=DRIVER, file=file, metric=metric, bits=bits, sticks=False)


def _metric(folder: str, file: str, text: str) -> Metric:
    name = file.lower().removeprefix("port_").replace("rcv_", "receive_", 1)
    name = name.replace("xmit_", "transmit_", 1) if folder == PMA else name
    unit = "bytes" if name.endswith("_bytes") else ""
    place = "ports/N" if folder == PMA else "DEVICE or ports/N:"
    separator = "/" if folder == PMA else " "
    return counter(
        f"railwatch_rdma_port_{name}_total",
        text,
        labels=PORT,
        unit=unit,
        source=f"{place}{separator}{folder}/{file}",
    )


LINK_DOWNED = _pma("link_downed", 8, "", RDMA_PORT_LINK_DOWNED)
SYMBOL_ERROR = _pma("symbol_error", 16, "Minor link errors on one or more lanes.")

_NAMED: tuple[PortCounter, ...] = (
    SYMBOL_ERROR,
    _pma("link_error_recovery", 8, "Times the link recovered from errors by itself."),
    _pma("port_rcv_errors", 16, "Packets received with an error."),
    _pma("port_rcv_remote_physical_errors", 16, "Packets received that were marked bad upstream."),
    _pma("port_rcv_switch_relay_errors", 16, "Packets received that a switch could not relay."),
    _pma("port_rcv_constraint_errors", 8, "Packets received and dropped by partition or filter."),
    _pma("port_xmit_constraint_errors", 8, "Packets not sent because of partition or filter."),
    _pma("port_xmit_discards", 16, "Packets not sent because the port was down or congested."),
    _pma("local_link_integrity_errors", 4, "Times local errors went over their threshold."),
    _pma("excessive_buffer_overrun_errors", 4, "Times buffers overran beyond the threshold."),
    _pma("VL15_dropped", 16, "Management packets dropped for want of a buffer."),
    _pma("port_xmit_wait", 32, "Ticks (of a length the device knows) with data but no credit."),
    _pma("port_rcv_packets", 64, "Packets received."),
    _pma("port_xmit_packets", 64, "Packets sent."),
    _pma("unicast_rcv_packets", 64, "Unicast packets received."),
    _pma("unicast_xmit_packets", 64, "Unicast packets sent."),
    _pma("multicast_rcv_packets", 64, "Multicast packets received."),
    _pma("multicast_xmit_packets", 64, "Multicast packets sent."),
    # mlx5: names of drivers/infiniband/hw/mlx5/counters.c; queue counters are be32 there.
    _own("duplicate_request", "Requests received again.", 32),
    _own("implied_nak_seq_err", "Acknowledgements that imply a lost response.", 32),
    _own("local_ack_timeout_err", "Times the sender's timer for an acknowledgement ran out.", 32),
    _own("out_of_buffer", "Packets dropped because no receive request was posted.", 32),
    _own("out_of_sequence", "Packets received out of order.", 32),
    _own("packet_seq_err", "Negative acknowledgements received for a sequence error.", 32),
    _own("rnr_nak_retry_err", "Receiver-not-ready answers; retries were not used up.", 32),
    _own("req_cqe_error", "Requests of ours that completed with an error.", 32),
    _own("req_cqe_flush_error", "Requests of ours that were flushed with an error.", 32),
    _own("req_remote_access_errors", "Requests of ours refused for access.", 32),
    _own("req_remote_invalid_request", "Requests of ours refused as invalid.", 32),
    _own("req_rnr_retries_exceeded", "Requests that used up their receiver-not-ready tries.", 32),
    _own("req_transport_retries_exceeded", "Requests that used up their transport retries.", 32),
    _own("resp_cqe_error", "Responses that completed with an error.", 32),
    _own("resp_cqe_flush_error", "Responses that were flushed with an error.", 32),
    _own("resp_local_length_error", "Requests received that were too long.", 32),
    _own("resp_remote_access_errors", "Requests received and refused for access.", 32),
    _own("roce_adp_retrans", "Adaptive retransmissions.", 32),
    _own("roce_adp_retrans_to", "Adaptive retransmissions that timed out.", 32),
    _own("roce_slow_restart", "Slow restarts.", 32),
    _own("roce_slow_restart_cnps", "Congestion notifications sent for slow restarts.", 32),
    _own("roce_slow_restart_trans", "Transitions into slow restart.", 32),
    _own("rx_atomic_requests", "Atomic requests received.", 32),
    _own("rx_dct_connect", "Connection requests received for dynamic transport.", 32),
    _own("rx_read_requests", "Read requests received.", 32),
    _own("rx_write_requests", "Write requests received.", 32),
    _own("rx_icrc_encapsulated", "RoCE packets received with a wrong checksum (ICRC)."),
    _own("np_cnp_sent", "Congestion notifications sent."),
    _own("np_ecn_marked_roce_packets", "Packets received that were marked for congestion (ECN)."),
    _own("rp_cnp_handled", "Congestion notifications received and obeyed."),
    _own("rp_cnp_ignored", "Congestion notifications received and ignored."),
    # EFA: names of drivers/infiniband/hw/efa/efa_verbs.c; some stand at the device as a whole.
    _own("rx_bytes", "Bytes received, as the driver counts them."),
    _own("tx_bytes", "Bytes sent, as the driver counts them."),
    _own("rx_pkts", "Packets received, as the driver counts them."),
    _own("tx_pkts", "Packets sent, as the driver counts them."),
    _own("rx_drops", "Packets received and dropped."),
    _own("send_bytes", "Bytes sent by send requests."),
    _own("send_wrs", "Send requests."),
    _own("recv_bytes", "Bytes received by receive requests."),
    _own("recv_wrs", "Receive requests."),
    _own("rdma_read_bytes", "Bytes read from remote memory."),
    _own("rdma_read_resp_bytes", "Bytes sent in answer to remote reads."),
    _own("rdma_read_wrs", "Read requests."),
    _own("rdma_read_wr_err", "Read requests that failed."),
    _own("rdma_write_bytes", "Bytes written to remote memory."),
    _own("rdma_write_recv_bytes", "Bytes that remote writes brought."),
    _own("rdma_write_wrs", "Write requests."),
    _own("rdma_write_wr_err", "Write requests that failed."),
    _own("retrans_bytes", "Bytes sent again."),
    _own("retrans_pkts", "Packets sent again."),
    _own("retrans_timeout_events", "Times a timer for sending again ran out."),
    _own("submitted_cmds", "Commands given to the device."),
    _own("completed_cmds", "Commands the device completed."),
    _own("no_completion_cmds", "Commands the device did not complete."),
    _own("cmds_err", "Commands that failed."),
    _own("keep_alive_rcvd", "Signs of life from the device."),
    _own("unresponsive_remote_events", "Times a remote end did not answer any more."),
    _own("impaired_remote_conn_events", "Times the way to a remote end was impaired."),
    # bnxt_re: names of drivers/infiniband/hw/bnxt_re/hw_counters.c.
    _own("tx_roce_errors", "RoCE packets that could not be sent for an error."),
    _own("rx_roce_errors", "RoCE packets received with an error."),
    _own("tx_roce_discards", "RoCE packets dropped before they were sent."),
    _own("rx_roce_discards", "RoCE packets received and dropped."),
    _own("tx_read_req", "Read requests sent."),
    _own("tx_write_req", "Write requests sent."),
    _own("tx_send_req", "Send requests sent."),
    _own("pacing_alerts", "Times sending was paced because the card's doorbell queue filled up."),
    _own("unrecoverable_err", "Errors that the card could not recover from."),
)

KNOWN: tuple[PortCounter, ...] = (
    *_NAMED,
    # bnxt_re
    _same("tx_cnp_pkts", "np_cnp_sent"),
    _same("rx_cnp_pkts", "rp_cnp_handled"),
    _same("rx_ecn_marked_pkts", "np_ecn_marked_roce_packets"),
    _same("rx_out_of_buffer", "out_of_buffer"),
    _same("oos_drop_count", "out_of_sequence"),
    _same("dup_req", "duplicate_request"),
    _same("seq_err_naks_rcvd", "packet_seq_err"),
    _same("rnr_naks_rcvd", "rnr_nak_retry_err"),
    _same("to_retransmits", "local_ack_timeout_err"),
    _same("max_retry_exceeded", "req_transport_retries_exceeded"),
    _same("missing_resp", "implied_nak_seq_err"),
    _same("remote_access_err", "req_remote_access_errors"),
    _same("remote_invalid_req_err", "req_remote_invalid_request"),
    _same("rx_atomic_req", "rx_atomic_requests"),
    _same("rx_read_req", "rx_read_requests"),
    _same("rx_write_req", "rx_write_requests"),
    # irdma: names of drivers/infiniband/hw/irdma/verbs.c, those of older kernels too.
    _same("cnpSent", "np_cnp_sent"),
    _same("cnpHandled", "rp_cnp_handled"),
    _same("cnpIgnored", "rp_cnp_ignored"),
    _same("RxECNMrkd", "np_ecn_marked_roce_packets"),
    _same("InRdmaReads", "rx_read_requests"),
    _same("iwInRdmaReads", "rx_read_requests"),
    _same("InRdmaWrites", "rx_write_requests"),
    _same("iwInRdmaWrites", "rx_write_requests"),
    _same("RetransSegs", "retrans_pkts"),
    _same("tcpRetransSegs", "retrans_pkts"),
    # hfi1: names of drivers/infiniband/hw/hfi1/chip.c.
    _same("RcTimeOut", "local_ack_timeout_err"),
    _same("RcResend", "retrans_pkts"),
    _same("RnrNak", "rnr_nak_retry_err"),
    _same("SeqNak", "packet_seq_err"),
    _same("RdmaSeq", "out_of_sequence"),
)

BY_FILE: Mapping[str, Metric] = {known.file: known.metric for known in KNOWN}
"""The metric of a counter by its file's name."""

OBJECTS = ("pds", "ahs", "qps", "rc_qps", "ud_qps", "srqs", "cqs", "mrs", "mws")
"""Kinds of objects that bnxt_re counts among its counters, though their number falls too."""

NO_COUNTERS = frozenset({"db_fifo_register"})
"""Files of hw_counters that are none: what stands in a register of the card."""

LIFESPAN_FILE = "lifespan"

RDMA_LIFESPAN = gauge(
    "railwatch_rdma_port_hw_counters_lifespan_seconds",
    "How old the values may be that the driver answers for its own counters.",
    labels=PORT,
    unit="seconds",
    source="DEVICE or ports/N: hw_counters/lifespan (ms)",
)
RDMA_HW_STATISTIC = counter(
    "railwatch_rdma_hw_statistic_total",
    "A counter that is not in this catalogue, by its file's name and in the driver's unit; `port` "
    "is empty for one of the device as a whole.",
    labels=(*PORT, "counter"),
    source="ports/N/counters, counters_ext, hw_counters",
)
RDMA_DRIVER_OBJECTS = gauge(
    "railwatch_rdma_driver_objects",
    "Objects in use, as the driver counts them.",
    labels=(*PORT, "object"),
    source="hw_counters/active_*",
)
RDMA_DRIVER_OBJECTS_HIGHEST = gauge(
    "railwatch_rdma_driver_objects_highest",
    "Most objects that were in use at once, as the driver counts them.",
    labels=(*PORT, "object"),
    source="hw_counters/watermark_*",
)
RDMA_COUNTER_SATURATED = gauge(
    "railwatch_rdma_counter_saturated",
    "1 for a counter that stands at its ceiling and hides every further event; else absent.",
    labels=(*PORT, "counter"),
    source="ports/N/counters, width by IBTA",
)


def by_file() -> Mapping[tuple[str, str], PortCounter]:
    """Return the known counters by folder and file."""
    return {(known.folder, known.file): known for known in KNOWN}


METRICS: tuple[Metric, ...] = (
    *(known.metric for known in _NAMED),
    RDMA_LIFESPAN,
    RDMA_HW_STATISTIC,
    RDMA_DRIVER_OBJECTS,
    RDMA_DRIVER_OBJECTS_HIGHEST,
    RDMA_COUNTER_SATURATED,
)
