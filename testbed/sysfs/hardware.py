"""What ConnectX-7 ports say, as the kernel writes it, and how wide their counters are."""

import hashlib
from dataclasses import dataclass

INFINIBAND = "InfiniBand"
ETHERNET = "Ethernet"
LINK_LAYERS = (INFINIBAND, ETHERNET)

STATES = {"DOWN": 1, "INIT": 2, "ARMED": 3, "ACTIVE": 4, "ACTIVE_DEFER": 5}
"""Logical states and the numbers before them (IBTA PortState)."""

RATES = {INFINIBAND: "400 Gb/sec (4X NDR)", ETHERNET: "400 Gb/sec (4X NDR)"}
DOWN_RATES = {INFINIBAND: "10 Gb/sec (4X SDR)", ETHERNET: "40 Gb/sec (4X QDR)"}
"""What the mlx5 driver shows for a port without a link, rather than nothing."""

LINK_UP = "5: LinkUp"
DOWN_PHYSICAL = {INFINIBAND: "2: Polling", ETHERNET: "3: Disabled"}

COUNTER_BITS = {
    "VL15_dropped": 16,
    "excessive_buffer_overrun_errors": 4,
    "link_downed": 8,
    "link_error_recovery": 8,
    "local_link_integrity_errors": 4,
    "multicast_rcv_packets": 64,
    "multicast_xmit_packets": 64,
    "port_rcv_constraint_errors": 8,
    "port_rcv_data": 64,
    "port_rcv_errors": 16,
    "port_rcv_packets": 64,
    "port_rcv_remote_physical_errors": 16,
    "port_rcv_switch_relay_errors": 16,
    "port_xmit_constraint_errors": 8,
    "port_xmit_data": 64,
    "port_xmit_discards": 16,
    "port_xmit_packets": 64,
    "port_xmit_wait": 32,
    "symbol_error": 16,
    "unicast_rcv_packets": 64,
    "unicast_xmit_packets": 64,
}
"""`counters/`: widths from the kernel's PORT_PMA_ATTR; they stay at all-ones once there."""

HW_COUNTERS = (
    "duplicate_request", "implied_nak_seq_err", "local_ack_timeout_err", "np_cnp_sent",
    "np_ecn_marked_roce_packets", "out_of_buffer", "out_of_sequence", "packet_seq_err",
    "req_cqe_error", "req_cqe_flush_error", "req_remote_access_errors",
    "req_remote_invalid_request", "resp_cqe_error", "resp_cqe_flush_error",
    "resp_local_length_error", "resp_remote_access_errors", "rnr_nak_retry_err",
    "roce_adp_retrans", "roce_adp_retrans_to", "roce_slow_restart", "roce_slow_restart_cnps",
    "roce_slow_restart_trans", "rp_cnp_handled", "rp_cnp_ignored", "rx_atomic_requests",
    "rx_dct_connect", "rx_icrc_encapsulated", "rx_read_requests", "rx_write_requests",
)  # fmt: skip
LIFESPAN_MS = 10

BUSES = (0x18, 0x40, 0x4F, 0x5E, 0x9A, 0xC0, 0xCE, 0xDC)
_VENDOR = 0xA088C2
_LOCAL_BITS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One RDMA device with its place on the PCI bus; `guid` is the node GUID."""

    name: str
    domain: int
    bus: int
    guid: int
    ports: int
    link_layer: str

    @property
    def address(self) -> str:
        """The PCI address."""
        return f"{self.domain:04x}:{self.bus:02x}:00.0"

    @property
    def numa_node(self) -> int:
        """Buses from 0x80 on hang on the second socket."""
        return int(self.bus >= 0x80)  # noqa: PLR2004 - half of the 256 buses

    def netdev(self, port: int) -> str:
        """Return the network interface of a port, named as udev names it by its place."""
        if self.link_layer == INFINIBAND:
            suffix = f"d{port - 1}" if port > 1 else ""
            return f"ib{self._place}{suffix}"
        return f"en{self._place}np{port - 1}"

    @property
    def _place(self) -> str:
        domain = f"P{self.domain}" if self.domain else ""
        return f"{domain}p{self.bus}s0"

    def port_guid(self, port: int) -> str:
        """Return a port's GUID in the kernel's notation."""
        return _quads(self.guid + port - 1)

    @property
    def node_guid(self) -> str:
        """The node GUID in the kernel's notation."""
        return _quads(self.guid)

    def mac(self, port: int) -> str:
        """Return the hardware address of a port's Ethernet interface."""
        number = (self.guid + port - 1).to_bytes(8, "big")
        return number[:3].hex(":") + ":" + number[5:].hex(":")


def device(index: int, *, seed: str, ports: int, link_layer: str) -> Device:
    """Return a node's device of this number; its GUID follows from `seed`."""
    digest = hashlib.sha256(f"{seed}/mlx5_{index}".encode()).digest()
    local = int.from_bytes(digest[:5], "big") & ~0xF
    board, place = divmod(index, len(BUSES))
    return Device(
        name=f"mlx5_{index}",
        domain=board,
        bus=BUSES[place],
        guid=_VENDOR << _LOCAL_BITS | local,
        ports=ports,
        link_layer=link_layer,
    )


def _quads(guid: int) -> str:
    text = f"{guid:016x}"
    return ":".join(text[at : at + 4] for at in range(0, 16, 4))
