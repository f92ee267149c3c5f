"""A node of which one GPU was given to a virtual machine."""

from pathlib import Path

from testbed.sysfs.pci import PciBus
from tests.exporters.topology.nodes import document, outcomes, series

GIVEN = "0000:1b:00.0"


def give_away(bus: PciBus) -> None:
    drivers = bus.sysfs / "bus/pci/drivers"
    for gpu in document(bus)["gpus"]:
        driver = drivers / ("vfio-pci" if gpu["pci"] == GIVEN else "nvidia")
        driver.mkdir(parents=True, exist_ok=True)
        (bus.sysfs / "bus/pci/devices" / gpu["pci"] / "driver").symlink_to(driver)


def test_the_others_have_the_numbers_that_nvml_gives_them(tmp_path: Path) -> None:
    bus = PciBus.hgx_h100(tmp_path)
    before = [gpu["pci"] for gpu in document(bus)["gpus"]]
    give_away(bus)

    made = document(bus)

    assert GIVEN in before[:-1]
    ours = [slot for slot in before if slot != GIVEN]
    assert [gpu["pci"] for gpu in made["gpus"]] == [*ours, GIVEN]
    assert [gpu["index"] for gpu in made["gpus"]] == list(range(8))
    assert [rail["device"] for rail in made["rails"]] == [
        rail["device"] for rail in document(PciBus.hgx_h100(tmp_path / "whole"))["rails"]
    ]


def test_the_series_name_each_gpu_by_that_number(tmp_path: Path) -> None:
    bus = PciBus.hgx_h100(tmp_path)
    give_away(bus)
    gpus = document(bus)["gpus"]

    told = {
        (labels[2], labels[3])
        for labels in series(outcomes(bus)["places"])
        if labels[0] == "gpu_affinity_info"
    }

    assert told == {(str(gpu["index"]), gpu["uuid"] or "") for gpu in gpus}
