from pathlib import Path

import pytest

from exporters.errors import Absent, Unreadable
from exporters.facility import State
from exporters.node import boot
from exporters.node.boot import read_boot
from exporters.runtime import run
from testbed.sysfs import SimulatedSysfs


def test_the_boot_and_its_id() -> None:
    with SimulatedSysfs(ports=0) as sysfs:
        sysfs.reboot(at=1_700_000_000)
        first = read_boot(sysfs.proc)
        sysfs.reboot(at=1_700_000_900)
        second = read_boot(sysfs.proc)

        assert (first.time, second.time) == (1_700_000_000, 1_700_000_900)
        assert first.id != second.id


def test_btime_is_found_behind_a_line_longer_than_a_page(tmp_path: Path) -> None:
    (tmp_path / "stat").write_text("intr " + "0 " * 100_000 + "\nbtime 1700000000\n")

    found = read_boot(tmp_path)

    assert found.time == 1_700_000_000
    assert found.id == "1700000000.0"


@pytest.mark.parametrize("stat", ["", "cpu 1 2 3\n", "btime soon\n", "btime -1\n", "btime\n"])
def test_a_stat_without_a_boot_time_is_unreadable(tmp_path: Path, stat: str) -> None:
    (tmp_path / "stat").write_text(stat)

    with pytest.raises(Unreadable, match="/stat"):
        read_boot(tmp_path)


def test_no_procfs_is_absent(tmp_path: Path) -> None:
    with pytest.raises(Absent):
        read_boot(tmp_path)

    assert run(boot.FACILITY, [tmp_path]).state is State.ABSENT
