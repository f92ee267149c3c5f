"""Files that stay open from cycle to cycle, and never tell of another device or an old file."""

import os
import time
from pathlib import Path

import pytest

from exporters.errors import Absent
from exporters.rdma.kept import Folders, number


@pytest.fixture
def device(tmp_path: Path) -> Path:
    counters = tmp_path / "mlx5_0/counters"
    counters.mkdir(parents=True)
    (counters / "symbol_error").write_text("7\n")
    age(counters)
    return tmp_path / "mlx5_0"


def age(folder: Path, seconds: float = 60.0) -> None:
    """Let a folder's last change be long ago."""
    then = time.time() - seconds
    os.utime(folder, (then, then))


def replace(file: Path, text: str) -> None:
    beside = file.parent.parent / "new"
    beside.write_text(text)
    beside.replace(file)


def read(folders: Folders, device: Path, file: str = "symbol_error") -> str:
    """Read as a cycle does."""
    folders.enter(str(device))
    return folders.open(f"{device}/counters").read(file)


def descriptors(device: Path) -> int:
    """Return how many files are open beside a device and below: not those of who came before."""
    links = Path("/proc/self/fd").iterdir()
    return sum(os.path.realpath(one).startswith(str(device.parent)) for one in links)


def test_a_value_that_changes_in_its_file_is_seen(device: Path) -> None:
    folders, file = Folders(), device / "counters/symbol_error"
    assert read(folders, device) == "7"

    file.write_text("1234567\n")

    assert read(folders, device) == "1234567"


def test_a_file_that_is_opened_once_is_not_opened_again(device: Path) -> None:
    folders = Folders()
    read(folders, device)
    before = descriptors(device)

    for _ in range(5):
        read(folders, device)

    assert descriptors(device) == before


def test_a_file_that_was_replaced_is_opened_anew(device: Path) -> None:
    folders = Folders()
    read(folders, device)

    replace(device / "counters/symbol_error", "8\n")

    assert read(folders, device) == "8"


def test_a_folder_that_changed_a_moment_ago_keeps_nothing(device: Path) -> None:
    age(device / "counters", seconds=-3600)  # so that it stays a moment ago
    folders, before = Folders(), descriptors(device)

    assert read(folders, device) == "7"

    assert descriptors(device) == before


def test_a_file_that_is_gone_is_absent(device: Path) -> None:
    folders = Folders()
    read(folders, device)

    (device / "counters/symbol_error").unlink()

    with pytest.raises(Absent):
        read(folders, device)


def test_another_device_of_the_same_name_is_another_device(device: Path) -> None:
    folders = Folders()
    read(folders, device)
    device.rename(device.with_name("gone"))
    (device / "counters").mkdir(parents=True)
    (device / "counters/symbol_error").write_text("0\n")
    age(device / "counters")

    assert read(folders, device) == "0"


def test_a_device_that_is_gone_leaves_nothing_open(device: Path) -> None:
    before, folders = descriptors(device), Folders()
    read(folders, device)
    device.rename(device.with_name("gone"))

    with pytest.raises(Absent):
        read(folders, device)

    assert descriptors(device) == before


def test_a_name_that_begins_another_name_is_not_that_device(device: Path) -> None:
    folders, other = Folders(), device.with_name("mlx5_01")
    (other / "counters").mkdir(parents=True)
    (other / "counters/symbol_error").write_text("9\n")
    age(other / "counters")
    read(folders, other)
    before = descriptors(device)

    folders.enter(str(device))

    assert read(folders, other) == "9"
    assert descriptors(device) == before


def test_beyond_its_room_files_are_read_and_closed(device: Path) -> None:
    for index in range(10):
        (device / f"counters/c{index}").write_text(f"{index}\n")
    age(device / "counters")
    before, folders = descriptors(device), Folders(most=4)

    said = [read(folders, device, f"c{index}") for index in range(10)]

    assert said == [str(index) for index in range(10)]
    assert descriptors(device) <= before + 4


@pytest.mark.parametrize("text", ["", "N/A (no PMA)\n", "-1\n", "7 8\n", "9" * 20, "1_000\n"])
def test_what_is_no_plain_number_is_left_to_who_reads_the_text(device: Path, text: str) -> None:
    (device / "counters/symbol_error").write_text(text)
    folders = Folders()
    folders.enter(str(device))
    folder = folders.open(f"{device}/counters")

    assert folder.read("symbol_error") == text.strip()
    assert number(folder.said("symbol_error") or b"") is None


def test_what_an_unchanged_folder_holds_is_worked_out_once(device: Path) -> None:
    folders, made = Folders(), list[int]()
    for _ in range(3):
        folders.enter(str(device))
        folders.open(f"{device}/counters").once("key", lambda: made.append(1))

    (device / "counters/another").write_text("1\n")
    age(device / "counters", seconds=30)
    folders.open(f"{device}/counters").once("key", lambda: made.append(1))

    assert len(made) == 2
