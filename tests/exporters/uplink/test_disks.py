"""The disks that data is preloaded to."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from exporters.facility import State
from exporters.uplink import disks
from exporters.uplink.config import Config, read_config
from exporters.uplink.disks import Disks
from testbed.fuse import StuckMount
from testbed.waiting import PATIENCE, wait_until
from tests.exporters.uplink.lines import names, told, values, write

STAT = "100 1 2000 3 200 4 3000 5 0 7500 9 0 0 0 0 0 0\n"


class Node:
    """Sysfs and procfs with one disk, on which the test's own folder is."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sysfs, self.procfs = root / "sys", root / "proc"
        self.data = root / "data"
        self.data.mkdir()
        device = self.data.stat().st_dev
        self.number = f"{os.major(device)}:{os.minor(device)}"
        disk = self.sysfs / "devices/nvme7n1"
        disk.mkdir(parents=True)
        (disk / "stat").write_text(STAT)
        (self.sysfs / "dev/block").mkdir(parents=True)
        self.link = self.sysfs / "dev/block" / self.number
        self.link.symlink_to(disk)
        (self.sysfs / "class/block").mkdir(parents=True)
        (self.sysfs / "class/block/nvme7n1").symlink_to(disk)
        (self.procfs / "self").mkdir(parents=True)

    def config(self, *paths: Path) -> Callable[[], Config]:
        file = write(self.root, {"name": "dc", "disks": [str(path) for path in paths]})
        made = read_config(str(file), 1.0)
        return lambda: made

    def disks(self, *paths: Path, deadline: float = PATIENCE) -> Disks:
        return Disks(self.config(*paths), str(self.sysfs), str(self.procfs), deadline)


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_space_and_throughput_are_told_in_bytes_and_seconds(node: Node) -> None:
    outcome = told(disks.FACILITY, node.disks(node.data))

    found = values(outcome)
    space = os.statvfs(node.data)
    assert outcome.state is State.OK
    assert found[f"disk_answering/{node.data}"] == 1
    assert found[f"disk_size_bytes/{node.data}"] == space.f_blocks * space.f_frsize
    assert 0 < found[f"disk_available_bytes/{node.data}"] <= found[f"disk_free_bytes/{node.data}"]
    assert found[f"disk_read_bytes_total/{node.data}/nvme7n1"] == 2000 * 512
    assert found[f"disk_written_bytes_total/{node.data}/nvme7n1"] == 3000 * 512
    assert found[f"disk_reads_total/{node.data}/nvme7n1"] == 100
    assert found[f"disk_writes_total/{node.data}/nvme7n1"] == 200
    assert found[f"disk_busy_seconds_total/{node.data}/nvme7n1"] == 7.5


def test_this_machines_own_files_are_understood(node: Node) -> None:
    own = Disks(node.config(node.data, Path("/proc")), "/sys", "/proc", PATIENCE)

    outcome = told(disks.FACILITY, own)

    assert outcome.state is State.OK
    assert values(outcome)["disk_answering//proc"] == 1
    assert not [name for name in values(outcome) if name.startswith("disk_reads_total//proc/")]


def test_a_file_system_with_a_number_of_its_own_is_found_in_the_mounts(node: Node) -> None:
    node.link.unlink()
    (node.procfs / "self/mountinfo").write_text(
        "21 1 0:5 / / rw - proc proc rw\n"
        f"22 1 {node.number} /a /data rw shared:1 - btrfs /dev/nvme7n1 rw,ssd\n"
    )

    found = values(told(disks.FACILITY, node.disks(node.data)))

    assert found[f"disk_reads_total/{node.data}/nvme7n1"] == 100


def test_a_file_system_without_a_device_has_space_alone(node: Node) -> None:
    node.link.unlink()
    (node.procfs / "self/mountinfo").write_text("")

    outcome = told(disks.FACILITY, node.disks(node.data))

    assert outcome.state is State.OK
    assert "railwatch_uplink_disk_size_bytes" in names(outcome)
    assert "railwatch_uplink_disk_reads_total" not in names(outcome)


def test_a_path_that_is_not_there_costs_its_own_series_only(node: Node) -> None:
    missing = node.root / "missing"

    outcome = told(disks.FACILITY, node.disks(missing, node.data))

    found = values(outcome)
    assert outcome.state is State.FAILED
    assert outcome.problem == f"{missing}: No such file or directory"
    assert found[f"disk_answering/{missing}"] == 0
    assert found[f"disk_answering/{node.data}"] == 1
    assert f"disk_size_bytes/{missing}" not in found


def test_statistics_that_make_no_sense_are_refused(node: Node) -> None:
    (node.sysfs / "devices/nvme7n1/stat").write_text("1 2 three\n")

    outcome = told(disks.FACILITY, node.disks(node.data))

    assert outcome.state is State.FAILED
    assert "2 numbers, not 11" in outcome.problem
    assert values(outcome)[f"disk_answering/{node.data}"] == 1


def test_a_dead_mount_keeps_one_thread_and_costs_its_own_series_only(node: Node) -> None:
    with StuckMount(node.root / "dead") as mount:
        mount.hold("data")
        of = node.disks(node.root / "dead/data", node.data, deadline=3.0)

        first = told(disks.FACILITY, of)
        again = [told(disks.FACILITY, of) for _ in range(3)]
        waiting = mount.waiting
        mount.release("data")
        dead = of._askers[f"{node.root}/dead/data"]
        wait_until(lambda: dead.wait(0) is not None, what="the thread's return")

    for outcome in (first, *again):
        found = values(outcome)
        assert outcome.state is State.FAILED
        assert outcome.problem == f"{node.root}/dead/data: no answer within 3 s"
        assert found[f"disk_answering/{node.root}/dead/data"] == 0
        assert found[f"disk_reads_total/{node.data}/nvme7n1"] == 100
    assert waiting == 1
