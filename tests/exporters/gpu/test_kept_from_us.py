"""Functions and GPUs that are there and are not ours: none of them may ever count as missing."""

import os
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import pynvml
import pytest

from exporters.errors import NotManaged, ReadingError
from exporters.gpu.access import withheld
from exporters.gpu.inventory import SLOT
from exporters.gpu.nvml.calls import pci_address
from exporters.gpu.pci import Bus
from exporters.gpu.worker import attach
from exporters.settings import Settings
from testbed.nvml import SimulatedNvml
from testbed.sysfs import SimulatedSysfs

GIVEN, HIDDEN = "0000:1b:00.0", "0000:43:00.0"


def given(procfs: Path, *slots: str) -> None:
    """Let /proc be as NVIDIA's container runtime leaves it: a folder for each GPU it gave."""
    for slot in slots:
        folder = procfs / "driver/nvidia/gpus" / slot
        folder.mkdir(parents=True)
        (folder / "information").write_text("Device Minor: \t 0\n")


def test_a_cards_virtual_functions_are_no_gpus() -> None:
    with SimulatedSysfs(ports=1) as sysfs:
        sysfs.gpus.plug(GIVEN)
        virtual = "0000:1b:00.4"
        sysfs.gpus.plug(virtual)
        bus = Bus(str(sysfs.path))
        home = (sysfs.path / "bus/pci/devices" / virtual).resolve()
        (home / "physfn").symlink_to(f"../{GIVEN}")

        assert list(bus.scan() or {}) == [GIVEN]


def test_a_function_that_cannot_be_read_yet_is_looked_at_again() -> None:
    with SimulatedSysfs(ports=1) as sysfs:
        sysfs.gpus.plug(GIVEN)
        vendor = (sysfs.path / "bus/pci/devices" / GIVEN).resolve() / "vendor"
        said = vendor.read_text()
        vendor.unlink()
        bus = Bus(str(sysfs.path))
        before = bus.scan()
        vendor.write_text(said)

        assert (before, list(bus.scan() or {})) == ({}, [GIVEN])


def test_a_gpu_that_the_container_was_not_given_is_not_ours(tmp_path: Path) -> None:
    given(tmp_path, GIVEN)

    assert "NVIDIA_VISIBLE_DEVICES" in withheld(str(tmp_path), HIDDEN, bound=True)


def test_without_the_buss_word_it_may_as_well_be_gone(tmp_path: Path) -> None:
    given(tmp_path, GIVEN)

    assert withheld(str(tmp_path), HIDDEN) == ""


def test_where_no_gpu_has_a_folder_nobody_tells(tmp_path: Path) -> None:
    (tmp_path / "driver/nvidia/gpus").mkdir(parents=True)

    assert withheld(str(tmp_path), HIDDEN, bound=True) == ""


@pytest.mark.parametrize("driver", ["nvidia", ""])
def test_a_worker_tells_one_kept_from_us_from_one_that_fails(tmp_path: Path, driver: str) -> None:
    given(tmp_path, GIVEN)
    with SimulatedNvml(gpus=1) as node, SimulatedSysfs(ports=1) as sysfs:
        sysfs.gpus.plug(HIDDEN, driver)
        settings = Settings(
            nvml_library=str(node.library), procfs=str(tmp_path), sysfs=str(sysfs.path)
        )

        with patch.dict(os.environ, node.environment):
            with pytest.raises(ReadingError) as failed:
                attach(settings, {SLOT: HIDDEN})
            pynvml.nvmlShutdown()

    assert isinstance(failed.value, NotManaged) is (driver == "nvidia")


@pytest.mark.parametrize(
    ("told", "named"),
    [
        (b"00000000:1B:00.0", GIVEN),
        (b"00000009:01:00.0", "0009:01:00.0"),
        (b"00010000:E1:00.0", "10000:e1:00.0"),
        (b"03F8CFDD:00:00.0", "3f8cfdd:00:00.0"),  # as a virtual machine's host makes them up
    ],
)
def test_a_slot_is_named_as_sysfs_names_it(told: bytes, named: str) -> None:
    assert pci_address(SimpleNamespace(busId=told)) == named
