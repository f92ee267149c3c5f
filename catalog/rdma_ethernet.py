"""What an Ethernet port of an RDMA device counts: flow control, errors of the link, PCIe stalls.

Drivers give these by names of their own (ethtool -S); each name here stands for one metric, in one
unit, whoever made the card. Names are those of the kernel's drivers mlx5, bnxt_en, ice and ena;
every other statistic is left alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from catalog.metrics import Metric, counter
from catalog.rdma import PORT

PRIORITIES = tuple(str(number) for number in range(8))
"""The priorities of IEEE 802.1Q; flow control of the link as a whole has priority ""."""

RECEIVE, TRANSMIT = "receive", "transmit"
READ, WRITE = "read", "write"
_PAUSE = (*PORT, "priority", "direction")
_US = 1e-6


def _counter(name: str, text: str, *labels: str, unit: str = "", source: str = "-S") -> Metric:
    return counter(
        f"railwatch_rdma_{name}_total",
        text,
        labels=labels or PORT,
        unit=unit,
        source=f"ethtool {source}",
    )


RDMA_PAUSE_FRAMES = _counter(
    "ethernet_pause_frames",
    "Pause frames, by priority (PFC; empty: the link as a whole). Received: the network cannot "
    "take more; transmitted: this host cannot. Where a driver lists what is not in use, only what "
    "ever paused has series.",
    *_PAUSE,
)
RDMA_PAUSE_SECONDS = _counter(
    "ethernet_pause_seconds",
    "Time that sending was held by pause frames, by who sent them: received ones held this port, "
    "transmitted ones its peer.",
    *_PAUSE,
    unit="seconds",
)
RDMA_PAUSE_TRANSITIONS = _counter(
    "ethernet_pause_transitions", "Times that pause frames began to hold sending.", *_PAUSE
)
RDMA_PAUSE_STORM_WARNINGS = _counter(
    "ethernet_pause_storm_warnings",
    "Times this port had been sending pause frames for long.",
)
RDMA_PAUSE_STORM_ERRORS = _counter(
    "ethernet_pause_storm_errors",
    "Times this port had been sending pause frames for so long that it stopped to, and drops.",
)
RDMA_RECEIVE_DISCARDS = _counter(
    "ethernet_receive_discards", "Packets that the port dropped for want of buffers."
)
RDMA_TRANSMIT_DISCARDS = _counter(
    "ethernet_transmit_discards", "Packets that the port did not send because it could not."
)
RDMA_BUFFER_DISCARDS = _counter(
    "ethernet_receive_buffer_discards",
    "Packets of a priority dropped for want of its buffer.",
    *PORT,
    "priority",
)
RDMA_CONGESTION_DISCARDS = _counter(
    "ethernet_receive_congestion_discards",
    "Packets of a priority dropped because of congestion in the card.",
    *PORT,
    "priority",
)
RDMA_ECN_MARKED = _counter(
    "ethernet_ecn_marked",
    "Packets of a priority that the card marked for congestion (ECN) when they came in.",
    *PORT,
    "priority",
)
RDMA_NETDEV_OUT_OF_BUFFER = _counter(
    "ethernet_out_of_buffer", "Packets dropped because the network interface had no buffer posted."
)
RDMA_CRC_ERRORS = _counter("ethernet_crc_errors", "Frames received with a wrong checksum.")
RDMA_SYMBOL_ERRORS = _counter(
    "ethernet_symbol_errors", "Symbols received wrong that FEC did not put right."
)
RDMA_CORRECTED_BITS = _counter(
    "ethernet_fec_corrections", "Bits that FEC put right.", source="-S, else FEC_GET"
)
RDMA_FEC_CORRECTED = _counter(
    "ethernet_fec_corrected_blocks", "Blocks that FEC put right.", source="-S, else FEC_GET"
)
RDMA_FEC_UNCORRECTABLE = _counter(
    "ethernet_fec_uncorrectable_blocks",
    "Blocks that FEC could not put right.",
    source="-S, else FEC_GET",
)
RDMA_LINK_DOWN_EVENTS = _counter(
    "ethernet_link_down_events", "Times the card saw the link go down."
)
RDMA_MODULE_EVENTS = _counter(
    "module_events",
    "What the card told of the transceiver in its cage: unplugged, bus_stuck, overheated, "
    "shorted. Absent until the first.",
    *PORT,
    "event",
)
RDMA_PCIE_STALLED_SECONDS = _counter(
    "pcie_stalled_seconds",
    "Seconds in which the card was stalled on PCIe for more than 30 % of the time.",
    *PORT,
    "direction",
    unit="seconds",
)
RDMA_PCIE_SIGNAL_ERRORS = _counter(
    "pcie_signal_errors",
    "Errors of the PCIe signal, and recoveries from them, by who saw them: the card (receive) or "
    "its peer.",
    *PORT,
    "direction",
)
RDMA_PCIE_OVERFLOWS = _counter(
    "pcie_buffer_overflows", "Packets dropped because the buffer towards PCIe was full."
)
RDMA_ALLOWANCE_EXCEEDED = _counter(
    "ethernet_allowance_exceeded",
    "Packets queued or dropped because the instance went over what its cloud allows it.",
    *PORT,
    "allowance",
)

METRICS: tuple[Metric, ...] = (
    RDMA_PAUSE_FRAMES,
    RDMA_PAUSE_SECONDS,
    RDMA_PAUSE_TRANSITIONS,
    RDMA_PAUSE_STORM_WARNINGS,
    RDMA_PAUSE_STORM_ERRORS,
    RDMA_RECEIVE_DISCARDS,
    RDMA_TRANSMIT_DISCARDS,
    RDMA_BUFFER_DISCARDS,
    RDMA_CONGESTION_DISCARDS,
    RDMA_ECN_MARKED,
    RDMA_NETDEV_OUT_OF_BUFFER,
    RDMA_CRC_ERRORS,
    RDMA_SYMBOL_ERRORS,
    RDMA_CORRECTED_BITS,
    RDMA_FEC_CORRECTED,
    RDMA_FEC_UNCORRECTABLE,
    RDMA_LINK_DOWN_EVENTS,
    RDMA_MODULE_EVENTS,
    RDMA_PCIE_STALLED_SECONDS,
    RDMA_PCIE_SIGNAL_ERRORS,
    RDMA_PCIE_OVERFLOWS,
    RDMA_ALLOWANCE_EXCEEDED,
)


DETAIL = frozenset({RDMA_PAUSE_TRANSITIONS, RDMA_PCIE_SIGNAL_ERRORS, RDMA_PCIE_OVERFLOWS})
"""Told only where asked for: few need them beside the seconds that a port was paused or stalled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistic:
    """What a driver's statistic of one name means."""

    metric: Metric
    labels: tuple[str, ...] = ()
    """The metric's labels after the port's."""
    scale: float = 1
    """What turns the driver's number into the metric's unit."""
    priority: str | None = None
    """The priority it is of, "" for the whole link; None where it is of none."""
    rare: bool = False
    """Whether it is worth a series only once it has counted something."""


_BY_PRIORITY: tuple[tuple[str, Metric, tuple[str, ...], float], ...] = (
    # mlx5, in en_stats.c; only priorities for which flow control is on.
    ("rx_prio{}_pause", RDMA_PAUSE_FRAMES, (RECEIVE,), 1),
    ("tx_prio{}_pause", RDMA_PAUSE_FRAMES, (TRANSMIT,), 1),
    ("rx_prio{}_pause_duration", RDMA_PAUSE_SECONDS, (RECEIVE,), _US),
    ("tx_prio{}_pause_duration", RDMA_PAUSE_SECONDS, (TRANSMIT,), _US),
    ("rx_prio{}_pause_transition", RDMA_PAUSE_TRANSITIONS, (RECEIVE,), 1),
    ("rx_prio{}_buf_discard", RDMA_BUFFER_DISCARDS, (), 1),
    ("rx_prio{}_cong_discard", RDMA_CONGESTION_DISCARDS, (), 1),
    ("rx_prio{}_marked", RDMA_ECN_MARKED, (), 1),
    # bnxt_en, in bnxt_ethtool.c
    ("rx_pfc_ena_frames_pri{}", RDMA_PAUSE_FRAMES, (RECEIVE,), 1),
    ("tx_pfc_ena_frames_pri{}", RDMA_PAUSE_FRAMES, (TRANSMIT,), 1),
    ("pfc_pri{}_rx_duration_us", RDMA_PAUSE_SECONDS, (RECEIVE,), _US),
    ("pfc_pri{}_tx_duration_us", RDMA_PAUSE_SECONDS, (TRANSMIT,), _US),
    ("pfc_pri{}_rx_transitions", RDMA_PAUSE_TRANSITIONS, (RECEIVE,), 1),
    ("pfc_pri{}_tx_transitions", RDMA_PAUSE_TRANSITIONS, (TRANSMIT,), 1),
    # ice, in ice_ethtool.c; xoff is the frame that pauses.
    ("rx_priority_{}_xoff.nic", RDMA_PAUSE_FRAMES, (RECEIVE,), 1),
    ("tx_priority_{}_xoff.nic", RDMA_PAUSE_FRAMES, (TRANSMIT,), 1),
)
_OF_THE_LINK: tuple[tuple[str, Metric, tuple[str, ...], float], ...] = (
    ("rx_global_pause", RDMA_PAUSE_FRAMES, (RECEIVE,), 1),
    ("tx_global_pause", RDMA_PAUSE_FRAMES, (TRANSMIT,), 1),
    ("rx_global_pause_duration", RDMA_PAUSE_SECONDS, (RECEIVE,), _US),
    ("tx_global_pause_duration", RDMA_PAUSE_SECONDS, (TRANSMIT,), _US),
    ("rx_global_pause_transition", RDMA_PAUSE_TRANSITIONS, (RECEIVE,), 1),
    ("rx_pause_frames", RDMA_PAUSE_FRAMES, (RECEIVE,), 1),
    ("tx_pause_frames", RDMA_PAUSE_FRAMES, (TRANSMIT,), 1),
    ("link_xoff_rx.nic", RDMA_PAUSE_FRAMES, (RECEIVE,), 1),
    ("link_xoff_tx.nic", RDMA_PAUSE_FRAMES, (TRANSMIT,), 1),
)
_PLAIN: Mapping[str, Statistic] = {
    # mlx5
    "tx_pause_storm_warning_events": Statistic(metric=RDMA_PAUSE_STORM_WARNINGS),
    "tx_pause_storm_error_events": Statistic(metric=RDMA_PAUSE_STORM_ERRORS),
    "rx_discards_phy": Statistic(metric=RDMA_RECEIVE_DISCARDS),
    "tx_discards_phy": Statistic(metric=RDMA_TRANSMIT_DISCARDS),
    "rx_out_of_buffer": Statistic(metric=RDMA_NETDEV_OUT_OF_BUFFER),
    "rx_crc_errors_phy": Statistic(metric=RDMA_CRC_ERRORS),
    "rx_pcs_symbol_err_phy": Statistic(metric=RDMA_SYMBOL_ERRORS),
    "rx_corrected_bits_phy": Statistic(metric=RDMA_CORRECTED_BITS),
    "link_down_events_phy": Statistic(metric=RDMA_LINK_DOWN_EVENTS),
    "module_unplug": Statistic(metric=RDMA_MODULE_EVENTS, labels=("unplugged",), rare=True),
    "module_bus_stuck": Statistic(metric=RDMA_MODULE_EVENTS, labels=("bus_stuck",), rare=True),
    "module_high_temp": Statistic(metric=RDMA_MODULE_EVENTS, labels=("overheated",), rare=True),
    "module_bad_shorted": Statistic(metric=RDMA_MODULE_EVENTS, labels=("shorted",), rare=True),
    "outbound_pci_stalled_rd_events": Statistic(metric=RDMA_PCIE_STALLED_SECONDS, labels=(READ,)),
    "outbound_pci_stalled_wr_events": Statistic(metric=RDMA_PCIE_STALLED_SECONDS, labels=(WRITE,)),
    "rx_pci_signal_integrity": Statistic(metric=RDMA_PCIE_SIGNAL_ERRORS, labels=(RECEIVE,)),
    "tx_pci_signal_integrity": Statistic(metric=RDMA_PCIE_SIGNAL_ERRORS, labels=(TRANSMIT,)),
    "outbound_pci_buffer_overflow": Statistic(metric=RDMA_PCIE_OVERFLOWS),
    # bnxt_en
    "link_down_events": Statistic(metric=RDMA_LINK_DOWN_EVENTS),
    "rx_fcs_err_frames": Statistic(metric=RDMA_CRC_ERRORS),
    "rx_pcs_symbol_err": Statistic(metric=RDMA_SYMBOL_ERRORS),
    "rx_corrected_bits": Statistic(metric=RDMA_CORRECTED_BITS),
    "rx_fec_corrected_blocks": Statistic(metric=RDMA_FEC_CORRECTED),
    "rx_fec_uncorrectable_blocks": Statistic(metric=RDMA_FEC_UNCORRECTABLE),
    "rx_stat_discard": Statistic(metric=RDMA_RECEIVE_DISCARDS),
    "tx_stat_discard": Statistic(metric=RDMA_TRANSMIT_DISCARDS),
    # ice
    "rx_crc_errors.nic": Statistic(metric=RDMA_CRC_ERRORS),
    "rx_dropped.nic": Statistic(metric=RDMA_RECEIVE_DISCARDS),
    "tx_dropped_link_down.nic": Statistic(metric=RDMA_TRANSMIT_DISCARDS),
    # ena
    "bw_in_allowance_exceeded": Statistic(metric=RDMA_ALLOWANCE_EXCEEDED, labels=("bandwidth_in",)),
    "bw_out_allowance_exceeded": Statistic(
        metric=RDMA_ALLOWANCE_EXCEEDED, labels=("bandwidth_out",)
    ),
    "pps_allowance_exceeded": Statistic(metric=RDMA_ALLOWANCE_EXCEEDED, labels=("packets",)),
    "conntrack_allowance_exceeded": Statistic(
        metric=RDMA_ALLOWANCE_EXCEEDED, labels=("connections",)
    ),
    "linklocal_allowance_exceeded": Statistic(
        metric=RDMA_ALLOWANCE_EXCEEDED, labels=("link_local",)
    ),
}


def _prioritised() -> Iterator[tuple[str, Statistic]]:
    for pattern, metric, labels, scale in _BY_PRIORITY:
        for priority in PRIORITIES:
            yield (
                pattern.format(priority),
                Statistic(
                    metric=metric, labels=(priority, *labels), scale=scale, priority=priority
                ),
            )
    for name, metric, labels, scale in _OF_THE_LINK:
        yield name, Statistic(metric=metric, labels=("", *labels), scale=scale, priority="")


STATISTICS: Mapping[str, Statistic] = {**_PLAIN, **dict(_prioritised())}
"""By the driver's name."""
