"""The PCI bus as sysfs has it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from exporters.gpu import pci
from exporters.gpu.pci import Bus, ConfigSession
from testbed.sysfs import SimulatedSysfs
from tests.exporters.samples import cycle

FIRST, SECOND = "0000:1b:00.0", "0001:43:00.0"


@pytest.fixture
def sysfs() -> Iterator[SimulatedSysfs]:
    with SimulatedSysfs(ports=2) as made:
        made.gpus.plug(FIRST)
        made.gpus.plug(SECOND, "vfio-pci")
        yield made


def drivers(bus: Bus) -> dict[str, str]:
    return {slot: function.driver for slot, function in (bus.scan() or {}).items()}


def test_the_gpus_are_told_with_their_drivers_and_nothing_else_is(sysfs: SimulatedSysfs) -> None:
    audio = sysfs.path / "bus/pci/devices/0000:1b:00.1"
    audio.mkdir()
    (audio / "vendor").write_text("0x10de\n")
    (audio / "class").write_text("0x040300\n")
    bus = Bus(str(sysfs.path))

    assert drivers(bus) == {FIRST: "nvidia", SECOND: "vfio-pci"}
    sysfs.gpus.bind(FIRST, "")
    assert drivers(bus) == {FIRST: "", SECOND: "vfio-pci"}


def test_a_function_that_goes_and_comes_is_told(sysfs: SimulatedSysfs) -> None:
    bus = Bus(str(sysfs.path))
    before = drivers(bus)

    sysfs.gpus.unplug(FIRST)
    without = drivers(bus)
    sysfs.gpus.plug(FIRST)

    assert (set(before) - set(without), drivers(bus)) == ({FIRST}, before)


def test_a_sysfs_that_cannot_be_listed_tells_nothing() -> None:
    assert Bus("/nowhere").scan() is None


def answers(sysfs: Path, slots: str) -> dict[str, bool]:
    return pci.answers(cycle(*ConfigSession(str(sysfs), slots).cycle()))


def test_a_configuration_space_of_all_ones_is_told_from_one_that_answers(
    sysfs: SimulatedSysfs,
) -> None:
    sysfs.gpus.silence(SECOND)

    assert answers(sysfs.path, f"{FIRST} {SECOND}") == {FIRST: True, SECOND: False}


def test_a_function_that_is_gone_says_nothing(sysfs: SimulatedSysfs) -> None:
    assert answers(sysfs.path, f"0000:ff:00.0 {FIRST}") == {FIRST: True}
