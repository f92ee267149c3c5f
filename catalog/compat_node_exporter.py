"""node_exporter 1.12.1's infiniband collector: its names, types and units (`node_infiniband_*`).

Each is worked out from the metric of ours that reads the same file, which `source` names.
"""

from collections.abc import Mapping

from catalog.foreign import Foreign, foreign
from catalog.metrics import Kind
from catalog.rdma import (
    RDMA_PORT_INFO,
    RDMA_PORT_PHYSICAL_STATE,
    RDMA_PORT_RATE,
    RDMA_PORT_RECEIVE,
    RDMA_PORT_STATE,
    RDMA_PORT_TRANSMIT,
)
from catalog.rdma_counters import (
    DRIVER,
    LINK_DOWNED,
    PMA,
    RDMA_HW_STATISTIC,
    RDMA_LIFESPAN,
    by_file,
)

_PREFIX = "node_infiniband_"


def _port(name: str, source: str, kind: Kind = Kind.COUNTER) -> Foreign:
    text = f"As node_exporter has it, from {source}."
    return foreign(_PREFIX + name, kind, text, labels=("device", "port"), source=source)


INFO = foreign(
    f"{_PREFIX}info",
    Kind.GAUGE,
    f"As node_exporter has it, from {RDMA_PORT_INFO.name}.",
    labels=("device", "board_id", "firmware_version", "hca_type"),
    source=RDMA_PORT_INFO.name,
)
STATE = _port("state_id", RDMA_PORT_STATE.name, Kind.GAUGE)
PHYSICAL_STATE = _port("physical_state_id", RDMA_PORT_PHYSICAL_STATE.name, Kind.GAUGE)
RATE = _port("rate_bytes_per_second", RDMA_PORT_RATE.name, Kind.GAUGE)
RECEIVED = _port("port_data_received_bytes_total", RDMA_PORT_RECEIVE.name)
TRANSMITTED = _port("port_data_transmitted_bytes_total", RDMA_PORT_TRANSMIT.name)
LIFESPAN = _port("lifespan_seconds", RDMA_LIFESPAN.name, Kind.GAUGE)
DISCARDS_FILE = "port_rcv_discards"
DISCARDS = _port("port_discards_received_total", RDMA_HW_STATISTIC.name)
"""Not in the PMA of any kernel, but in node_exporter; we show it as any unknown file."""

LEGACY = {
    file: _port(f"legacy_{name}_total", RDMA_HW_STATISTIC.name)
    for file, name in {
        "port_multicast_rcv_packets": "multicast_packets_received",
        "port_multicast_xmit_packets": "multicast_packets_transmitted",
        "port_rcv_data_64": "data_received_bytes",
        "port_rcv_packets_64": "packets_received",
        "port_unicast_rcv_packets": "unicast_packets_received",
        "port_unicast_xmit_packets": "unicast_packets_transmitted",
        "port_xmit_data_64": "data_transmitted_bytes",
        "port_xmit_packets_64": "packets_transmitted",
    }.items()
}
"""What kernels before 4.5 have in `counters_ext/`, by its file."""

LEGACY_WORDS = frozenset({"port_rcv_data_64", "port_xmit_data_64"})
"""Files of 4-byte words."""

_OF_PMA = {
    "excessive_buffer_overrun_errors": "excessive_buffer_overrun_errors",
    "link_downed": "link_downed",
    "link_error_recovery": "link_error_recovery",
    "local_link_integrity_errors": "local_link_integrity_errors",
    "multicast_rcv_packets": "multicast_packets_received",
    "multicast_xmit_packets": "multicast_packets_transmitted",
    "port_rcv_constraint_errors": "port_constraint_errors_received",
    "port_rcv_errors": "port_errors_received",
    "port_rcv_packets": "port_packets_received",
    "port_rcv_remote_physical_errors": "port_receive_remote_physical_errors",
    "port_rcv_switch_relay_errors": "port_receive_switch_relay_errors",
    "port_xmit_constraint_errors": "port_constraint_errors_transmitted",
    "port_xmit_discards": "port_discards_transmitted",
    "port_xmit_packets": "port_packets_transmitted",
    "port_xmit_wait": "port_transmit_wait",
    "symbol_error": "symbol_error",
    "unicast_rcv_packets": "unicast_packets_received",
    "unicast_xmit_packets": "unicast_packets_transmitted",
    "VL15_dropped": "vl15_dropped",
}
_OF_DRIVER = {
    "duplicate_request": "duplicate_requests_packets",
    "implied_nak_seq_err": "implied_nak_seq_errors",
    "local_ack_timeout_err": "local_ack_timeout_errors",
    "np_cnp_sent": "np_cnp_packets_sent",
    "np_ecn_marked_roce_packets": "np_ecn_marked_roce_packets_received",
    "out_of_buffer": "out_of_buffer_drops",
    "out_of_sequence": "out_of_sequence_packets_received",
    "packet_seq_err": "packet_sequence_errors",
    "req_cqe_error": "req_cqes_errors",
    "req_cqe_flush_error": "req_cqes_flush_errors",
    "req_remote_access_errors": "req_remote_access_errors",
    "req_remote_invalid_request": "req_remote_invalid_request_errors",
    "resp_cqe_error": "resp_cqes_errors",
    "resp_cqe_flush_error": "resp_cqes_flush_errors",
    "resp_local_length_error": "resp_local_length_errors",
    "resp_remote_access_errors": "resp_remote_access_errors",
    "rnr_nak_retry_err": "rnr_nak_retry_packets_received",
    "roce_adp_retrans": "roce_adp_retransmits",
    "roce_adp_retrans_to": "roce_adp_retransmits_timeout",
    "roce_slow_restart": "roce_slow_restart_used",
    "roce_slow_restart_cnps": "roce_slow_restart_cnps",
    "roce_slow_restart_trans": "roce_slow_restart",
    "rp_cnp_handled": "rp_cnp_packets_handled",
    "rp_cnp_ignored": "rp_cnp_ignored_packets_received",
    "rx_atomic_requests": "rx_atomic_requests",
    "rx_dct_connect": "rx_dct_connect_requests",
    "rx_icrc_encapsulated": "rx_icrc_encapsulated_errors",
    "rx_read_requests": "rx_read_requests",
    "rx_write_requests": "rx_write_requests",
}


def _counters(folder: str, names: Mapping[str, str]) -> dict[str, Foreign]:
    known = {(LINK_DOWNED.folder, LINK_DOWNED.file): LINK_DOWNED, **by_file()}
    ours = {file: known[folder, file].metric.name for file in names}
    return {ours[file]: _port(f"{name}_total", ours[file]) for file, name in names.items()}


PMA_COUNTERS = _counters(PMA, _OF_PMA)
"""What `counters/` holds beside bytes, by the name of our metric."""

DRIVER_COUNTERS = _counters(DRIVER, _OF_DRIVER)
"""What `hw_counters/` holds beside the life span, by the name of our metric."""

NODE_EXPORTER: tuple[Foreign, ...] = (
    INFO,
    STATE,
    PHYSICAL_STATE,
    RATE,
    RECEIVED,
    TRANSMITTED,
    DISCARDS,
    *PMA_COUNTERS.values(),
    *LEGACY.values(),
    LIFESPAN,
    *DRIVER_COUNTERS.values(),
)
