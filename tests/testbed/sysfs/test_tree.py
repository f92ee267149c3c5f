import pytest

from testbed.sysfs import SimulatedSysfs
from tests.testbed.sysfs.places import CAPTURE, device, netdev, port


def test_attributes_read_as_on_a_real_node(sysfs: SimulatedSysfs) -> None:
    shown = {
        name: (port(sysfs) / name).read_text()
        for name in ("state", "phys_state", "rate", "link_layer", "counters/link_downed")
    }

    assert shown == {
        "state": "4: ACTIVE\n",
        "phys_state": "5: LinkUp\n",
        "rate": "400 Gb/sec (4X NDR)\n",
        "link_layer": "InfiniBand\n",
        "counters/link_downed": "0\n",
    }


def test_a_port_has_every_attribute_of_the_captured_one(sysfs: SimulatedSysfs) -> None:
    captured = CAPTURE / "mlx5_0"
    names = [path.relative_to(captured) for path in captured.rglob("*") if path.is_file()]

    missing = [str(name) for name in names if not (device(sysfs) / name).is_file()]

    assert len(names) > 50
    assert missing == []


def test_a_device_leads_to_its_place_on_the_bus_and_its_interface(sysfs: SimulatedSysfs) -> None:
    pci = (device(sysfs) / "device").resolve()

    assert pci.name == "0000:18:00.0"
    assert (pci / "numa_node").read_text() == "0\n"
    assert netdev(sysfs).resolve().parent.parent == pci
    assert (netdev(sysfs) / "device").resolve() == pci
    assert (sysfs.path / "bus/pci/devices/0000:18:00.0").resolve() == pci


def test_the_tree_links_only_within_itself(sysfs: SimulatedSysfs) -> None:
    links = [path for path in sysfs.path.rglob("*") if path.is_symlink()]
    pointing = [path for path in links if path.name != "0"]

    bridges = 3
    assert len(pointing) == 8 * (6 + bridges)
    assert all(path.resolve().is_relative_to(sysfs.path) for path in pointing)


def test_a_port_guid_is_the_lower_half_of_its_gid(sysfs: SimulatedSysfs) -> None:
    gid = (port(sysfs) / "gids/0").read_text().strip()
    address = (netdev(sysfs) / "address").read_text().strip()

    assert gid == f"fe80:0000:0000:0000:{sysfs.guid('mlx5_0', 1)}"
    assert (device(sysfs) / "node_guid").read_text().strip() == sysfs.guid("mlx5_0", 1)
    assert address.replace(":", "").endswith(gid.replace(":", ""))


def test_every_port_of_every_node_has_a_guid_of_its_own() -> None:
    with SimulatedSysfs(seed="a", ports_per_device=2) as one, SimulatedSysfs(seed="b") as other:
        guids = {one.guid(name, number) for name in one.devices for number in (1, 2)}
        guids |= {other.guid(name, 1) for name in other.devices}

    assert len(guids) == 16


def test_two_ports_of_a_device_have_an_interface_each() -> None:
    with SimulatedSysfs(ports=4, ports_per_device=2) as sysfs:
        names = {path.name for path in (device(sysfs) / "device" / "net").iterdir()}
        ports = {path.name for path in (sysfs.path / "class/net").iterdir()}
        assert sysfs.devices == ("mlx5_0", "mlx5_1")

    assert names == {"ibp24s0", "ibp24s0d1"}
    assert len(ports) == 4


def test_infiniband_names_no_interface_by_its_gid(sysfs: SimulatedSysfs) -> None:
    with pytest.raises(OSError, match="Invalid argument"):
        (port(sysfs) / "gid_attrs/ndevs/0").read_text()


def test_roce_is_ethernet_with_a_gid_made_of_its_mac(roce: SimulatedSysfs) -> None:
    interface = netdev(roce)
    mac = (interface / "address").read_text().strip().replace(":", "")
    gid = (port(roce) / "gids/0").read_text().strip().replace(":", "")

    assert (port(roce) / "link_layer").read_text() == "Ethernet\n"
    assert (port(roce) / "gid_attrs/ndevs/0").read_text() == f"{interface.name}\n"
    assert (interface / "type").read_text() == "1\n"
    assert gid == f"fe80000000000000a2{mac[2:6]}fffe{mac[6:]}"
    assert (device(roce) / "node_guid").read_text() == f"{roce.guid('mlx5_0', 1)}\n"


@pytest.mark.parametrize(
    "wrong", [{"ports": 3, "ports_per_device": 2}, {"ports": -1}, {"link_layer": "Omni-Path"}]
)
def test_a_node_that_makes_no_sense_is_refused(wrong: dict[str, int | str]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SimulatedSysfs(**wrong)  # type: ignore[arg-type]  # that is the test
