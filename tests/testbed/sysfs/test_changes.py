import errno
import os

import pytest

from testbed.sysfs import SimulatedSysfs
from tests.testbed.sysfs.places import netdev, port


def test_a_port_that_goes_down_says_so_everywhere(sysfs: SimulatedSysfs) -> None:
    sysfs.set_state("mlx5_0", 1, "DOWN")

    assert (port(sysfs) / "state").read_text() == "1: DOWN\n"
    assert (port(sysfs) / "phys_state").read_text() == "2: Polling\n"
    assert (port(sysfs) / "rate").read_text() == "10 Gb/sec (4X SDR)\n"
    assert (netdev(sysfs) / "operstate").read_text() == "down\n"
    assert (netdev(sysfs) / "carrier").read_text() == "0\n"
    assert (netdev(sysfs) / "carrier_down_count").read_text() == "2\n"
    assert sysfs.counter("mlx5_0", 1, "link_downed") == 1
    assert (port(sysfs, "mlx5_1") / "state").read_text() == "4: ACTIVE\n"


def test_a_port_that_comes_back_passes_through_init(sysfs: SimulatedSysfs) -> None:
    sysfs.set_state("mlx5_0", 1, "DOWN")

    sysfs.set_state("mlx5_0", 1, "INIT")
    trained = [(port(sysfs) / name).read_text() for name in ("state", "phys_state", "rate")]
    sysfs.set_state("mlx5_0", 1, "ACTIVE")

    assert trained == ["2: INIT\n", "5: LinkUp\n", "400 Gb/sec (4X NDR)\n"]
    assert (netdev(sysfs) / "carrier").read_text() == "1\n"
    assert sysfs.counter("mlx5_0", 1, "link_downed") == 1


def test_only_leaving_active_counts_as_a_link_downed(sysfs: SimulatedSysfs) -> None:
    for state in ("DOWN", "DOWN", "INIT", "DOWN"):
        sysfs.set_state("mlx5_0", 1, state)

    assert sysfs.counter("mlx5_0", 1, "link_downed") == 1


def test_a_roce_port_without_link_is_disabled(roce: SimulatedSysfs) -> None:
    roce.set_state("mlx5_1", 1, "DOWN")

    assert (port(roce, "mlx5_1") / "phys_state").read_text() == "3: Disabled\n"
    assert (port(roce, "mlx5_1") / "rate").read_text() == "40 Gb/sec (4X QDR)\n"


def test_an_error_counter_sticks_at_its_ceiling(sysfs: SimulatedSysfs) -> None:
    sysfs.set_counter("mlx5_0", 1, "link_downed", 254)
    sysfs.set_counter("mlx5_0", 1, "symbol_error", 70_000)

    for _ in range(3):
        sysfs.add("mlx5_0", 1, "link_downed", 1)

    assert sysfs.counter("mlx5_0", 1, "link_downed") == 255
    assert sysfs.counter("mlx5_0", 1, "symbol_error") == 65_535


def test_traffic_is_counted_in_words_of_four_bytes(sysfs: SimulatedSysfs) -> None:
    sysfs.traffic("mlx5_0", 1, rx_bytes=10_000, tx_bytes=4096)
    sysfs.traffic("mlx5_0", 1, rx_bytes=4000)

    counters = {name: sysfs.counter("mlx5_0", 1, name) for name in ("port_rcv_data",
        "port_xmit_data", "port_rcv_packets", "unicast_xmit_packets")}  # fmt: skip
    assert counters == {
        "port_rcv_data": 3500,
        "port_xmit_data": 1024,
        "port_rcv_packets": 4,
        "unicast_xmit_packets": 1,
    }


def test_hardware_counters_can_be_set_too(sysfs: SimulatedSysfs) -> None:
    sysfs.set_counter("mlx5_0", 1, "out_of_sequence", 12)

    assert (port(sysfs) / "hw_counters/out_of_sequence").read_text() == "12\n"


def test_an_attribute_can_hold_anything(sysfs: SimulatedSysfs) -> None:
    sysfs.write("class/infiniband/mlx5_0/ports/1/rate", "200 Gb/sec (2X NDR)")

    assert (port(sysfs) / "rate").read_text() == "200 Gb/sec (2X NDR)\n"


@pytest.mark.parametrize("error", [errno.EIO, errno.EINVAL])
def test_an_unreadable_attribute_is_there_but_cannot_be_read(
    error: int, sysfs: SimulatedSysfs
) -> None:
    sysfs.make_unreadable("class/infiniband/mlx5_0/ports/1/state", error)

    assert (port(sysfs) / "state").is_file()
    with pytest.raises(OSError, match=os.strerror(error)):
        (port(sysfs) / "state").read_text()
    sysfs.write("class/infiniband/mlx5_0/ports/1/state", "4: ACTIVE")
    assert (port(sysfs) / "state").read_text() == "4: ACTIVE\n"


def test_a_removed_device_is_gone_with_its_interface_until_restored(sysfs: SimulatedSysfs) -> None:
    guid = sysfs.guid("mlx5_0", 1)
    interface = netdev(sysfs)

    sysfs.remove("mlx5_0")

    assert sysfs.devices == tuple(f"mlx5_{index}" for index in range(1, 8))
    assert not os.path.lexists(interface)
    assert not os.path.lexists(sysfs.path / "bus/pci/devices/0000:18:00.0")
    sysfs.restore("mlx5_0")
    assert sysfs.guid("mlx5_0", 1) == guid
    assert interface.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda sysfs: sysfs.set_state("mlx5_0", 1, "UP"),
        lambda sysfs: sysfs.set_state("mlx5_0", 2, "DOWN"),
        lambda sysfs: sysfs.set_counter("mlx5_0", 1, "link_upped", 1),
        lambda sysfs: sysfs.remove("mlx5_9"),
        lambda sysfs: sysfs.restore("mlx5_0"),
        lambda sysfs: sysfs.make_unreadable("class/infiniband/mlx5_0/nothing"),
    ],
)
def test_a_change_of_what_is_not_there_is_refused(wrong: object, sysfs: SimulatedSysfs) -> None:
    assert callable(wrong)

    with pytest.raises((ValueError, FileNotFoundError)):
        wrong(sysfs)


def test_a_boot_has_a_time_and_an_id(sysfs: SimulatedSysfs) -> None:
    sysfs.reboot(at=1_700_000_000.9)
    first = (sysfs.proc / "sys/kernel/random/boot_id").read_text()
    sysfs.reboot(at=1_700_000_060)

    lines = (sysfs.proc / "stat").read_text().splitlines()

    assert "btime 1700000060" in lines
    assert float((sysfs.proc / "uptime").read_text().split()[0]) > 1e6
    assert (sysfs.proc / "sys/kernel/random/boot_id").read_text() != first
    assert len(first) == len("00000000-0000-0000-0000-000000000000\n")


def test_a_reboot_zeroes_counters_and_mends_no_cable(sysfs: SimulatedSysfs) -> None:
    sysfs.set_state("mlx5_0", 1, "DOWN")
    sysfs.set_counter("mlx5_1", 1, "out_of_buffer", 5)

    sysfs.reboot()

    assert sysfs.counter("mlx5_0", 1, "link_downed") == 0
    assert sysfs.counter("mlx5_1", 1, "out_of_buffer") == 0
    assert sysfs.counter("mlx5_1", 1, "lifespan") == 10
    assert (port(sysfs) / "state").read_text() == "1: DOWN\n"
