"""Metrics of the RDMA family: one schema for InfiniBand, RoCE and the other verbs devices."""

from catalog.metrics import Metric, counter, gauge

PORT = ("device", "port")
"""A port for display; what it is stands in `guid` of `railwatch_rdma_port_info`.

`port` is empty for what is counted of the device as a whole.
"""

RDMA_DEVICE_STATES = ("ok", "hung", "unreadable", "restricted", "elsewhere")
"""hung: its last reading did not end in time; unreadable: it ended without an answer, or with
nothing but errors; restricted: its firmware refuses to be read, so that it is left alone;
elsewhere: its PCI function is there, and the device in another network namespace, or given to a
virtual machine."""

RDMA_DEVICE_STATE = gauge(
    "railwatch_rdma_device_state",
    "1 for whether the RDMA device can be read, 0 for every other state. One that is elsewhere and "
    "was never seen here goes by its PCI address.",
    labels=("device", "state"),
    source="how its worker's last cycle ended; /sys/bus/pci/devices",
    states=RDMA_DEVICE_STATES,
)
RDMA_PORT_INFO = gauge(
    "railwatch_rdma_port_info",
    "Identity of an RDMA port; always 1. `guid` is the port GUID; `function` is physical or "
    "virtual (SR-IOV).",
    labels=(
        *PORT, "guid", "link_layer", "netdev", "pci_bus_id", "numa_node", "board_id", "firmware",
        "hca_type", "function",
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
RDMA_PORT_LANES = gauge(
    "railwatch_rdma_port_lanes",
    "Lanes the link runs over now; the rate by it is the speed of one.",
    labels=PORT,
    source="ports/N/rate (4X)",
)
RDMA_PORT_RECEIVE = counter(
    "railwatch_rdma_port_receive_bytes_total",
    "Bytes received, headers included; the counter counts 4-byte words, converted here.",
    labels=PORT,
    unit="bytes",
    source="ports/N/counters/port_rcv_data, else hw_counters/rx_bytes",
)
RDMA_PORT_TRANSMIT = counter(
    "railwatch_rdma_port_transmit_bytes_total",
    "Bytes sent, headers included; the counter counts 4-byte words, converted here.",
    labels=PORT,
    unit="bytes",
    source="ports/N/counters/port_xmit_data, else hw_counters/tx_bytes",
)
RDMA_PORT_LINK_DOWNED = counter(
    "railwatch_rdma_port_link_downed_total",
    "Times the link went down. The port's own counter is 8 bits wide and stays at 255.",
    labels=PORT,
    source="ports/N/counters/link_downed",
)
RDMA_PORT_CARRIER_DOWN = counter(
    "railwatch_rdma_port_carrier_down_total",
    "Times the port's network interface lost its carrier; goes on where link_downed stays at 255.",
    labels=PORT,
    source="/sys/class/net/NETDEV/carrier_down_count",
)
RDMA_READ_ERRORS = counter(
    "railwatch_rdma_read_errors_total",
    "Files of a device that could not be read or made no sense, each time, by the file's name; "
    "`other` beyond the first 32.",
    labels=("device", "file"),
    source="exporter",
)
RDMA_PORT_EXPECTED = gauge(
    "railwatch_rdma_port_expected",
    "1 for a port that should be active: declared by name (file, annotation), else seen active "
    "since the exporter started (learned).",
    labels=(*PORT, "source"),
    source="--inventory.file; node annotation; exporter",
)
RDMA_PORT_EXPECTED_RATE = gauge(
    "railwatch_rdma_port_expected_rate_bytes_per_second",
    "Rate the port should run at: the highest seen while active since the exporter started.",
    labels=(*PORT, "source"),
    unit="bytes_per_second",
    source="exporter",
)
RDMA_PORTS_EXPECTED = gauge(
    "railwatch_rdma_ports_expected",
    "Ports of this node that should be active: declared (file, annotation), else learned; without "
    "those of devices that are elsewhere.",
    labels=("source",),
    source="--inventory.file; node annotation; exporter",
)

METRICS: tuple[Metric, ...] = (
    RDMA_DEVICE_STATE,
    RDMA_PORT_INFO,
    RDMA_PORT_STATE,
    RDMA_PORT_PHYSICAL_STATE,
    RDMA_PORT_RATE,
    RDMA_PORT_LANES,
    RDMA_PORT_RECEIVE,
    RDMA_PORT_TRANSMIT,
    RDMA_PORT_LINK_DOWNED,
    RDMA_PORT_CARRIER_DOWN,
    RDMA_READ_ERRORS,
    RDMA_PORT_EXPECTED,
    RDMA_PORT_EXPECTED_RATE,
    RDMA_PORTS_EXPECTED,
)
