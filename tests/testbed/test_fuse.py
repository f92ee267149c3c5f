"""A file system that never answers."""

import subprocess
import time
from pathlib import Path

from testbed.fuse import StuckMount
from testbed.waiting import PATIENCE, wait_until
from tests.packages import needs

pytestmark = needs("fuse3")


def state(process: "subprocess.Popen[bytes]") -> str:
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]


def reader(mount: StuckMount) -> "subprocess.Popen[bytes]":
    before = mount.waiting
    mount.hold("file")
    process = subprocess.Popen(["cat", str(mount.path / "file")], stderr=subprocess.DEVNULL)
    wait_until(lambda: mount.waiting > before)
    return process


def test_a_reader_cannot_be_killed_until_it_is_released(tmp_path: Path) -> None:
    with StuckMount(tmp_path / "stuck") as mount:
        process = reader(mount)

        process.kill()
        wait_until(lambda: state(process) == "D")
        time.sleep(0.1)
        assert process.poll() is None
        mount.release("file")

        assert process.wait(PATIENCE) == -9


def test_who_was_not_killed_goes_on_with_an_error(tmp_path: Path) -> None:
    with StuckMount(tmp_path / "stuck") as mount:
        process = reader(mount)

        mount.release("file")

        assert process.wait(PATIENCE) == 1


def test_a_file_that_is_not_held_is_not_there_at_once(tmp_path: Path) -> None:
    with StuckMount(tmp_path / "stuck") as mount:
        mount.hold("file")

        assert not (mount.path / "other").exists()
        assert mount.waiting == 0


def test_closing_lets_go_of_everyone_and_leaves_nothing(tmp_path: Path) -> None:
    with StuckMount(tmp_path / "stuck") as mount:
        process = reader(mount)
        process.kill()

    assert process.wait(PATIENCE) == -9
    assert list(tmp_path.iterdir()) == []
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text()
