"""RDMA ports whose network interfaces are simulated."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from exporters.facility import Facility, Outcome
from exporters.rdma.ethnl import EthtoolNetlink
from exporters.rdma.ethtool import Ethtool
from exporters.rdma.netdev import name
from exporters.rdma.netport import NetPort, Sockets
from exporters.rdma.sysfs import device_folder, devices, ports
from exporters.runtime import run
from testbed.ethtool import SimulatedEthtool, SimulatedInterface
from testbed.sysfs import SimulatedSysfs

MLX5 = {
    "rx_packets": 77,
    "rx_prio3_bytes": 88,
    "rx_prio3_pause": 5,
    "tx_prio3_pause": 6,
    "rx_prio3_pause_duration": 2_500_000,
    "tx_prio3_pause_duration": 3_500_000,
    "rx_prio3_pause_transition": 4,
    "rx_global_pause": 0,
    "tx_global_pause": 0,
    "rx_global_pause_duration": 0,
    "tx_global_pause_duration": 0,
    "rx_global_pause_transition": 0,
    "tx_pause_storm_warning_events": 1,
    "tx_pause_storm_error_events": 2,
    "rx_discards_phy": 3,
    "tx_discards_phy": 4,
    "rx_out_of_buffer": 5,
    "rx_crc_errors_phy": 6,
    "rx_pcs_symbol_err_phy": 7,
    "rx_corrected_bits_phy": 9,
    "link_down_events_phy": 10,
    "module_unplug": 0,
    "module_bus_stuck": 2,
    "module_high_temp": 3,
    "module_bad_shorted": 4,
    "outbound_pci_stalled_rd": 25,
    "outbound_pci_stalled_rd_events": 11,
    "outbound_pci_stalled_wr_events": 12,
    "rx_pci_signal_integrity": 13,
    "tx_pci_signal_integrity": 14,
    "outbound_pci_buffer_overflow": 15,
    **{f"rx_prio{n}_buf_discard": 0 for n in range(8)},
    **{f"rx_prio{n}_cong_discard": n // 7 for n in range(8)},
    **{f"rx_prio{n}_marked": 0 for n in range(8)},
}
"""What mlx5 gives, with flow control on priority 3; three of these are not asked for."""


@contextmanager
def net_port(interface: SimulatedInterface) -> Iterator[NetPort]:
    """Yield a RoCE port with this interface."""
    with SimulatedSysfs(ports=1, link_layer="Ethernet") as sysfs:
        (port,) = ports(device_folder(sysfs.path, devices(sysfs.path)[0]))
        told = name(port)
        kernel = SimulatedEthtool(**{told: interface})
        sockets = Sockets(ethtool=Ethtool(kernel.ioctl), netlink=EthtoolNetlink(kernel))
        sysfs.write(f"class/net/{told}/ifindex", "7")
        with closing(sockets):
            yield NetPort(port=port, netdev=told, sockets=sockets)


def read(facility: Facility[NetPort], interface: SimulatedInterface) -> Outcome:
    """Return what a facility says of a port with this interface."""
    with net_port(interface) as port:
        return run(facility, [port])


def values(outcome: Outcome) -> dict[str, float]:
    """Return values by the metric's name, with the labels after the port's."""
    return {
        "/".join((s.metric.name.removeprefix("railwatch_rdma_"), *s.labels[2:])): s.value
        for s in outcome.samples
    }
