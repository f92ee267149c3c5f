"""Trees that are broken: whatever is wrong costs itself, is said, and never hangs or raises."""

import os
import random
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.facility import State
from testbed.sysfs.pci import PciBus
from tests.budget import examples
from tests.exporters.topology.nodes import by_name, document, kinds, outcomes, reasons

NIC = "bus/pci/devices/0000:18:00.0"


def replace(bus: PciBus, link: str, to: str) -> None:
    (bus.sysfs / link).unlink()
    (bus.sysfs / link).symlink_to(to)


def test_a_link_that_leads_to_itself_places_nothing(tmp_path: Path) -> None:
    bus = PciBus.hgx_h100(tmp_path)
    replace(bus, NIC, "0000:18:00.0")

    made = document(bus)

    assert len(made["gpus"]) == 8
    assert (0, "mlx5_0") not in kinds(made)
    assert by_name(made)["mlx5_0"]["role"] == "storage"


def test_a_place_that_comes_twice_in_its_own_way_is_none(tmp_path: Path) -> None:
    bus = PciBus.hgx_h100(tmp_path)
    at = bus.sysfs / "devices/pci0000:15"
    loop = at / "0000:15:01.0/0000:16:00.0/0000:15:01.0/0000:18:00.0"
    loop.mkdir(parents=True)
    for name, text in (("class", "0x020700"), ("vendor", "0x15b3")):
        (loop / name).write_text(text)
    replace(bus, NIC, os.path.relpath(loop, bus.sysfs / "bus/pci/devices"))

    made = document(bus)

    assert kinds(made)[0, "mlx5_0"] == "unknown"
    assert any("leads to no place" in reason for reason in reasons(made, "reading"))


def test_a_bridge_that_is_missing_costs_only_its_link(tmp_path: Path) -> None:
    bus = PciBus.hgx_h100(tmp_path)
    (bus.sysfs / "bus/pci/devices/0000:16:00.0").unlink()

    made = document(bus)

    assert kinds(made)[0, "mlx5_0"] == "PIX"
    assert any("0000:16:00.0" in reason for reason in reasons(made, "reading"))


def test_a_bus_that_is_not_there_is_a_node_without_places(tmp_path: Path) -> None:
    bus = PciBus.hgx_h100(tmp_path)
    shutil.rmtree(bus.sysfs / "bus")

    made = document(bus)

    assert not made["gpus"]
    assert reasons(made, "affinities") == ["no GPU is on the PCI bus"]


def test_no_sysfs_at_all_is_an_empty_document(tmp_path: Path) -> None:
    bus = PciBus.hgx_h100(tmp_path)
    shutil.rmtree(bus.sysfs)

    made = document(bus)

    assert (made["gpus"], made["nics"], made["numa_nodes"]) == ([], [], None)


def test_files_that_cannot_be_read_are_said_and_cost_themselves(tmp_path: Path) -> None:
    bus = PciBus.hgx_h100(tmp_path)
    width = bus.sysfs / "bus/pci/devices/0000:18:00.0/max_link_width"
    width.unlink()
    width.symlink_to("/proc/self/mem")  # reading it is an input/output error

    made = document(bus)

    assert kinds(made)[0, "mlx5_0"] == "PIX"
    assert any("max_link_width: Input/output error" in r for r in reasons(made, "reading"))
    assert len(made["rails"]) == 8


def test_speeds_and_widths_of_no_sense_are_not_known(tmp_path: Path) -> None:
    bus = PciBus.hgx_h100(tmp_path)
    nic = bus.sysfs / "bus/pci/devices/0000:18:00.0"
    for told in ("max_link_width", "current_link_width"):
        (nic / told).write_text("255\n")
    (bus.sysfs / "bus/pci/devices/0000:17:00.0/max_link_speed").write_text("Unknown\n")

    (nic,) = [one for one in document(bus)["pci"] if one["pci"] == "0000:18:00.0"]

    assert nic["link"] is None


def vandalise(bus: PciBus, of: random.Random) -> None:
    """Break a few files, links and directories of a tree."""
    every = sorted(bus.sysfs.rglob("*"))
    for path in of.sample(every, 6):
        if not os.path.lexists(path):
            continue
        match of.randrange(4):
            case 0 if path.is_file() and not path.is_symlink():
                path.write_bytes(of.randbytes(of.randint(0, 40)))
            case 1 if path.is_symlink():
                path.unlink()
                path.symlink_to(
                    of.choice([".", "..", path.name, "/proc/self/mem", str(of.choice(every))])
                )
            case 2 if path.is_symlink() or path.is_file():
                path.unlink()
            case 3 if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("whole") / "node"
    PciBus.rails(root, 2)
    return root


@given(st.integers(0, 2**64))
@settings(max_examples=examples(40), deadline=None)
def test_vandalised_trees_are_read_as_far_as_they_go(whole: Path, seed: int) -> None:
    broken = whole.with_name("broken")
    shutil.rmtree(broken, ignore_errors=True)
    shutil.copytree(whole, broken, symlinks=True)
    bus = PciBus.at(broken)
    vandalise(bus, random.Random(seed))

    places = outcomes(bus)["places"]

    assert places.state is State.OK, places.problem
    assert all(sample.value >= 0 for sample in places.samples)
    assert all(text.isprintable() for sample in places.samples for text in sample.labels)
