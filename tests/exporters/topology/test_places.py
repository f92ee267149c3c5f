"""Where GPUs and NICs stand, on nodes of many shapes."""

from pathlib import Path

import pytest

from exporters.facility import State
from testbed.sysfs import SimulatedSysfs
from testbed.sysfs.pci import ETHERNET, GEN4, GEN5, HGX_PAIRS, PciBus, Speed
from tests.exporters.topology.nodes import (
    CAPTURE,
    by_name,
    document,
    kinds,
    outcomes,
    reasons,
    series,
)

COMPUTE = ["mlx5_0", "mlx5_1", "mlx5_4", "mlx5_5", "mlx5_6", "mlx5_7", "mlx5_8", "mlx5_9"]


def test_an_h100_node_as_it_was_captured_on_the_bus_of_a_dgx(tmp_path: Path) -> None:
    """The devices are the captured ones; the capture has no bus, so theirs is DGX H100's."""
    made = document(PciBus.hgx_h100(tmp_path, CAPTURE))

    found = kinds(made)
    for gpu in range(8):
        for nic, name in enumerate(COMPUTE):
            same_socket = gpu // 4 == nic // 4
            expected = "PIX" if gpu == nic else "NODE" if same_socket else "SYS"
            assert found[gpu, name] == expected, (gpu, name)
        assert found[gpu, "mlx5_bond_0"] == ("NODE" if gpu < 4 else "SYS")
    assert [gpu["nearest"] for gpu in made["gpus"]] == [[name] for name in COMPUTE]
    assert {nic["name"] for nic in made["nics"] if nic["role"] == "compute"} == set(COMPUTE)
    assert by_name(made)["mlx5_bond_0"]["role"] == "storage"
    assert by_name(made)["ens1f1np1"]["reason"] == "bond0 joins it with mlx5_bond_0"
    assert by_name(made)["eno1"]["role"] == "unknown"
    assert [rail["device"] for rail in made["rails"]] == COMPUTE
    assert [rail["rail"] for rail in made["rails"]] == list(range(8))
    assert {rail["reason"] for rail in made["rails"]} == {
        "InfiniBand has no LLDP: the fabric's own topology tells"
    }
    assert made["numa_nodes"] == 2


def test_a_captured_class_folder_alone_tells_no_places_and_says_so(tmp_path: Path) -> None:
    bus = PciBus(tmp_path)
    for device in CAPTURE.iterdir():
        if device.is_dir():
            (bus.sysfs / "class/infiniband" / device.name).symlink_to(device)

    made = document(bus)

    assert len(made["nics"]) == 9
    assert {nic["role"] for nic in made["nics"]} == {"unknown"}
    assert not made["affinities"]
    assert reasons(made, "affinities") == ["no GPU is on the PCI bus"]
    assert len(reasons(made, "roles")) == 9


def test_the_bottleneck_is_the_narrowest_link_on_the_way(tmp_path: Path) -> None:
    bus = PciBus(tmp_path)
    switch = ("pci0000:10", "0000:10:01.0", "0000:11:00.0")
    bus.gpu(*switch, "0000:12:00.0", "0000:13:00.0")
    bus.nic(*switch, "0000:12:01.0", "0000:14:00.0", device="mlx5_0", speed=GEN4)

    (found,) = document(bus)["affinities"]

    assert found["kind"] == "PIX"
    assert found["bottleneck"]["pci"] in ("0000:12:01.0", "0000:14:00.0")
    assert found["bottleneck"]["gigatransfers_per_second"] == 16
    assert found["bottleneck"]["bytes_per_second"] == round(16e9 * 16 / 8 * 128 / 130)


def test_lanes_that_are_lost_narrow_a_link_and_an_idle_gpus_speed_does_not(tmp_path: Path) -> None:
    bus = PciBus(tmp_path)
    switch = ("pci0000:10", "0000:10:01.0", "0000:11:00.0")
    bus.gpu(*switch, "0000:12:00.0", "0000:13:00.0", speed=GEN5)
    bus.nic(*switch, "0000:12:01.0", "0000:14:00.0", device="a", speed=Speed(lanes=8))

    (found,) = document(bus)["affinities"]

    assert (found["bottleneck"]["lanes"], found["bottleneck"]["lanes_possible"]) == (8, 16)
    assert found["bottleneck"]["gigatransfers_per_second"] == 32


def test_several_switches_are_pxb_and_the_link_between_them_counts(tmp_path: Path) -> None:
    bus = PciBus(tmp_path)
    upper = ("pci0000:10", "0000:10:01.0", "0000:11:00.0")
    lower = (*upper, "0000:12:00.0", "0000:13:00.0")
    bus.function(*lower, code="0x060400", vendor="0x1000", speed=Speed(lanes=4))
    bus.gpu(*lower, "0000:14:00.0", "0000:15:00.0")
    bus.nic(*upper, "0000:12:01.0", "0000:16:00.0", device="a")
    bus.nic(*lower, "0000:14:01.0", "0000:17:00.0", device="b")

    made = document(bus)

    assert kinds(made) == {(0, "a"): "PXB", (0, "b"): "PIX"}
    far, near = (one["bottleneck"] for one in made["affinities"])
    assert far["pci"] in ("0000:12:00.0", "0000:13:00.0")
    assert far["lanes"] == 4
    assert near["lanes"] == 16
    assert made["gpus"][0]["nearest"] == ["b"]


def test_access_control_sends_the_way_up_to_the_root(tmp_path: Path) -> None:
    bus = PciBus(tmp_path)
    port = ("pci0000:10", "0000:10:01.0")
    bus.function(*port, code="0x060400", vendor="0x8086", speed=Speed(lanes=8))
    switch = (*port, "0000:11:00.0")
    bus.gpu(*switch, "0000:12:00.0", "0000:13:00.0")
    bus.nic(*switch, "0000:12:01.0", "0000:14:00.0", device="a")
    (before,) = document(bus)["affinities"]

    bus.redirect("0000:12:01.0")
    (after,) = document(bus)["affinities"]

    assert (before["acs_redirects"], after["acs_redirects"]) == (False, True)
    assert (before["bottleneck"]["lanes"], after["bottleneck"]["lanes"]) == (16, 8)
    assert after["kind"] == "PIX"


def test_p4d_shows_groups_by_root_bus_and_one_nic_is_the_default_route(tmp_path: Path) -> None:
    made = document(PciBus.p4d(tmp_path))

    found = kinds(made)
    assert [found[gpu, "rdmap16s27"] for gpu in range(8)] == [
        *["PHB"] * 2,
        *["NODE"] * 2,
        *["SYS"] * 4,
    ]
    assert [gpu["nearest"] for gpu in made["gpus"]][::2] == [
        ["rdmap16s27"], ["rdmap32s27"], ["rdmap144s27"], ["rdmap160s27"]
    ]  # fmt: skip
    assert all(one["bottleneck"] is None for one in made["affinities"])
    assert {nic["role"] for nic in made["nics"]} == {"compute"}
    assert "ens16 carries the default route, too" in by_name(made)["rdmap16s27"]["reason"]
    assert len(made["rails"]) == 4


def test_a_front_end_nic_below_a_gpus_switch_is_management_all_the_same(tmp_path: Path) -> None:
    bus = PciBus.rails(tmp_path, 4)
    switch = ("pci0000:10", "0000:10:01.0", "0000:11:00.0", "0000:12:02.0")
    bus.nic(*switch, "0000:15:00.0", device="mlx5_9", netdev="eth9", link_layer=ETHERNET)
    bus.routes(default="eth9")

    made = document(bus)

    assert by_name(made)["mlx5_9"]["role"] == "management"
    assert [rail["device"] for rail in made["rails"]] == [f"mlx5_{n}" for n in range(4)]


def test_a_virtual_machine_with_one_flat_bus_knows_nothing_of_affinity(tmp_path: Path) -> None:
    bus = PciBus(tmp_path, numa_nodes=1)
    for slot in (5, 6):
        bus.gpu("pci0000:00", f"0000:00:{slot:02x}.0", speed=None)
        bus.nic("pci0000:00", f"0000:00:{slot + 8:02x}.0", device=f"mlx5_{slot}", speed=None)

    made = document(bus)

    assert set(kinds(made).values()) == {"unknown"}
    assert [gpu["affinity"] for gpu in made["gpus"]] == ["unknown", "unknown"]
    assert any("hypervisor" in reason for reason in reasons(made, "affinities"))
    assert {nic["role"] for nic in made["nics"]} == {"compute"}
    assert "fastest" in made["nics"][0]["reason"]


def test_devices_on_host_bridges_of_their_own_go_by_numa_node(tmp_path: Path) -> None:
    bus = PciBus(tmp_path)
    bus.gpu("pci0001:00", "0001:00:00.0", numa=0, speed=None)
    bus.nic("pci0101:00", "0101:00:02.0", device="near", numa=0, speed=None)
    bus.nic("pci0102:00", "0102:00:02.0", device="far", numa=1, speed=None)
    bus.nic("pci0103:00", "0103:00:02.0", device="nowhere", numa=-1, speed=None)

    made = document(bus)

    assert kinds(made) == {(0, "near"): "NODE", (0, "far"): "SYS", (0, "nowhere"): "unknown"}
    assert "the NUMA node of 0103:00:02.0 is not known" in reasons(made, "affinities")


def test_a_machine_with_one_numa_node_needs_none_to_be_told(tmp_path: Path) -> None:
    bus = PciBus(tmp_path, numa_nodes=1)
    bus.gpu("pci0000:10", "0000:10:01.0", "0000:11:00.0", numa=-1)
    bus.nic("pci0000:20", "0000:20:01.0", "0000:21:00.0", device="a", numa=-1)

    assert kinds(document(bus)) == {(0, "a"): "NODE"}


def test_a_plain_pcie_server_with_two_nics_does_not_guess_their_roles(tmp_path: Path) -> None:
    bus = PciBus(tmp_path)
    for index in range(4):
        host = 0x10 * (index + 1)
        bus.gpu(f"pci0000:{host:02x}", f"0000:{host:02x}:01.0", f"0000:{host + 1:02x}:00.0")
    for index in range(2):
        host = 0x80 + 0x10 * index
        bus.nic(
            f"pci0000:{host:02x}", f"0000:{host:02x}:01.0", f"0000:{host + 1:02x}:00.0",
            device=f"mlx5_{index}", link_layer=ETHERNET, netdev=f"eth{index}",
        )  # fmt: skip

    made = document(bus)

    assert {nic["role"] for nic in made["nics"]} == {"unknown"}
    assert not made["rails"]


def test_the_default_route_is_followed_through_bond_and_vlan(tmp_path: Path) -> None:
    bus = PciBus.hgx_h100(tmp_path)
    bus.upper("bond0.40", "bond0")
    bus.routes(default="bond0.40")

    made = by_name(document(bus))

    assert made["mlx5_bond_0"]["role"] == "management"
    assert made["mlx5_bond_0"]["reason"] == "bond0.40 carries the default route"
    assert made["ens1f1np1"]["role"] == "management"
    assert made["eno1"]["role"] == "unknown"


def test_an_ipv6_default_route_counts_too_and_the_loopbacks_does_not(tmp_path: Path) -> None:
    bus = PciBus.hgx_h100(tmp_path)
    bus.routes(default="", v6="eno1")

    assert by_name(document(bus))["eno1"]["role"] == "management"


def test_where_no_route_can_be_read_that_is_said(tmp_path: Path) -> None:
    bus = PciBus.hgx_h100(tmp_path)
    for name in ("route", "ipv6_route"):
        (bus.procfs / "1/net" / name).unlink()

    assert any("routing table" in reason for reason in reasons(document(bus), "reading"))


def test_ports_of_one_nic_are_rails_of_their_own_and_virtual_functions_are_none(
    tmp_path: Path,
) -> None:
    bus = PciBus(tmp_path)
    switch = ("pci0000:10", "0000:10:01.0", "0000:11:00.0")
    bus.gpu(*switch, "0000:12:00.0", "0000:13:00.0")
    place = (*switch, "0000:12:01.0")
    home = bus.nic(*place, "0000:14:00.0", device="mlx5_0", ports=2, virtual_functions=1)
    virtual = bus.nic(*place, "0000:14:00.2", device="mlx5_2")
    (virtual / "physfn").symlink_to(home)

    made = document(bus)

    assert [(rail["device"], rail["port"]) for rail in made["rails"]] == [
        ("mlx5_0", "1"),
        ("mlx5_0", "2"),
    ]
    assert [nic["name"] for nic in made["nics"]] == ["mlx5_0"]
    assert made["nics"][0]["virtual_functions"] == 1
    assert "0000:14:00.2" not in str(made)


def test_rails_follow_the_gpus_and_not_the_devices_names(tmp_path: Path) -> None:
    bus = PciBus(tmp_path)
    for index, name in enumerate(("mlx5_10", "mlx5_2", "mlx5_0")):
        host = 0x10 * (index + 1)
        switch = (f"pci0000:{host:02x}", f"0000:{host:02x}:01.0", f"0000:{host + 1:02x}:00.0")
        bus.gpu(*switch, f"0000:{host + 2:02x}:00.0", f"0000:{host + 3:02x}:00.0")
        bus.nic(*switch, f"0000:{host + 2:02x}:01.0", f"0000:{host + 4:02x}:00.0", device=name)

    assert [rail["device"] for rail in document(bus)["rails"]] == ["mlx5_10", "mlx5_2", "mlx5_0"]


def test_a_lost_gpu_leaves_the_other_rails_in_their_order(tmp_path: Path) -> None:
    bus = PciBus.hgx_h100(tmp_path)
    (bus.sysfs / "bus/pci/devices/0000:52:00.0").unlink()

    made = document(bus)

    assert len(made["gpus"]) == 7
    assert "mlx5_4" not in [rail["device"] for rail in made["rails"]]


def test_series_tell_role_rail_and_what_is_near(tmp_path: Path) -> None:
    places = outcomes(PciBus.hgx_h100(tmp_path))["places"]

    found = series(places)
    assert places.state is State.OK
    assert found["topology_info", "mlx5_4", "1", "2", "", "compute"] == 1
    assert found["topology_info", "mlx5_bond_0", "1", "", "", "storage"] == 1
    uuid = "GPU-00000000-0000-0000-0000-000000000002"
    assert found["gpu_affinity_info", "mlx5_4", "2", uuid, "PIX"] == 1
    path = found["gpu_path_bytes_per_second", "mlx5_4", "2", uuid]
    assert path == pytest.approx(32e9 * 16 / 8 * 128 / 130)
    assert len(places.samples) == 9 + 8 + 8


def test_the_same_node_always_makes_the_same_document(tmp_path: Path) -> None:
    bus = PciBus.hgx_h100(tmp_path)

    assert document(bus) == document(bus)


def test_the_simulated_node_stands_on_switches_too() -> None:
    with SimulatedSysfs(ports=8) as sysfs:
        for gpu, _ in HGX_PAIRS:
            sysfs.gpus.plug(f"0000:{gpu:02x}:00.0")
        bus = PciBus.at(sysfs.root)

        made = document(bus)

    assert [gpu["nearest"] for gpu in made["gpus"]] == [[f"mlx5_{n}"] for n in range(8)]
    assert {gpu["affinity"] for gpu in made["gpus"]} == {"PIX"}
    assert len(made["rails"]) == 8
    assert made["affinities"][0]["bottleneck"]["lanes"] == 16
