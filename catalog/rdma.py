"""Metrics of the RDMA family: one schema for InfiniBand, RoCE and the other verbs devices."""

from catalog.metrics import Metric, counter, gauge

PORT = ("device", "port")
"""A port for display; what it is stands in `guid` of `railwatch_rdma_port_info`."""

RDMA_PORT_INFO = gauge(
    "railwatch_rdma_port_info",
    "Identity of an RDMA port; always 1. `guid` is the port GUID.",
    labels=(
        *PORT, "guid", "link_layer", "netdev", "pci_bus_id", "numa_node", "board_id", "firmware",
        "hca_type",
    ),
    source="/sys/class/infiniband/DEVICE",
)  # fmt: skip
RDMA_PORT_STATE = gauge(
    "railwatch_rdma_port_state",
    "Logical state: 1 Down, 2 Initialize, 3 Armed, 4 Active, 5 ActiveDefer (IBTA PortState).",
    labels=PORT,
    source="ports/N/state",
)
RDMA_PORT_PHYSICAL_STATE = gauge(
    "railwatch_rdma_port_physical_state",
    "Physical state: 1 Sleep, 2 Polling, 3 Disabled, 4 PortConfigurationTraining, 5 LinkUp, "
    "6 LinkErrorRecovery, 7 PhyTest (IBTA PortPhysicalState).",
    labels=PORT,
    source="ports/N/phys_state",
)
RDMA_PORT_RATE = gauge(
    "railwatch_rdma_port_rate_bytes_per_second",
    "Data rate of the link as it is now, one direction.",
    labels=PORT,
    unit="bytes_per_second",
    source="ports/N/rate (Gb/sec)",
)
RDMA_PORT_RECEIVE = counter(
    "railwatch_rdma_port_receive_bytes_total",
    "Bytes received, headers included; the counter counts 4-byte words, converted here.",
    labels=PORT,
    unit="bytes",
    source="ports/N/counters/port_rcv_data",
)
RDMA_PORT_TRANSMIT = counter(
    "railwatch_rdma_port_transmit_bytes_total",
    "Bytes sent, headers included; the counter counts 4-byte words, converted here.",
    labels=PORT,
    unit="bytes",
    source="ports/N/counters/port_xmit_data",
)
RDMA_PORT_LINK_DOWNED = counter(
    "railwatch_rdma_port_link_downed_total",
    "Times the link went down. The port's own counter is 8 bits wide and stays at 255.",
    labels=PORT,
    source="ports/N/counters/link_downed",
)
RDMA_PORT_EXPECTED = gauge(
    "railwatch_rdma_port_expected",
    "1 for a port that should be active: seen active since the exporter started.",
    labels=(*PORT, "source"),
    source="exporter",
)
RDMA_PORTS_EXPECTED = gauge(
    "railwatch_rdma_ports_expected",
    "Ports of this node that should be active, by where that is known from.",
    labels=("source",),
    source="exporter",
)

METRICS: tuple[Metric, ...] = (
    RDMA_PORT_INFO,
    RDMA_PORT_STATE,
    RDMA_PORT_PHYSICAL_STATE,
    RDMA_PORT_RATE,
    RDMA_PORT_RECEIVE,
    RDMA_PORT_TRANSMIT,
    RDMA_PORT_LINK_DOWNED,
    RDMA_PORT_EXPECTED,
    RDMA_PORTS_EXPECTED,
)
