"""On a machine with NVIDIA GPUs: what the exporter says is what nvidia-smi says, field by field.

What changes from one moment to the next may differ by what it can change in some seconds; all else
must be the same. `NOT_COMPARED` names what stands in nvidia-smi's output and is not compared.
"""

import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import pytest

from exporters.metrics import METRICS
from tests.exporters.running import EXPORTER, ROOT, Scrape, parse

MIB = 1 << 20
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_NOTHING = ("N/A", "[N/A]", "Not Supported", "Unknown Error", "Requested functionality")


@dataclass(frozen=True, kw_only=True)
class Field:
    """A field of `nvidia-smi -q -x`, below its GPU, and the series that says the same."""

    path: str
    series: str
    unit: float = 1.0
    """How many of the series' units one of nvidia-smi's is."""
    labels: tuple[tuple[str, str], ...] = ()
    within: float = 0.0
    """By how much they may differ, in the series' unit."""


def of(path: str, series: str, unit: float = 1.0, *, within: float = 0.0, **labels: str) -> Field:
    name = f"railwatch_gpu_{series}"
    return Field(path=path, series=name, unit=unit, labels=tuple(labels.items()), within=within)


_ECC = "ecc_location_errors_total"

FIELDS = (
    of("ecc_errors/volatile/sram_correctable", _ECC, location="sram", kind="corrected"),
    of("ecc_errors/volatile/dram_correctable", _ECC, location="dram", kind="corrected"),
    of("ecc_errors/volatile/dram_uncorrectable", _ECC, location="dram", kind="uncorrected"),
    of("fb_memory_usage/total", "memory_capacity_bytes", MIB, within=MIB),
    of("fb_memory_usage/used", "memory_used_bytes", MIB, within=512 * MIB),
    of("fb_memory_usage/free", "memory_free_bytes", MIB, within=512 * MIB),
    of("fb_memory_usage/reserved", "memory_reserved_bytes", MIB, within=MIB),
    of("bar1_memory_usage/total", "bar1_capacity_bytes", MIB, within=MIB),
    of("temperature/gpu_temp", "temperature_celsius", within=10),
    of("temperature/memory_temp", "memory_temperature_celsius", within=10),
    of("gpu_power_readings/current_power_limit", "power_limit_watts", within=1),
    of("gpu_power_readings/instant_power_draw", "power_instant_watts", within=200),
    of("gpu_power_readings/average_power_draw", "power_average_watts", within=200),
    of("pci/pci_gpu_link_info/pcie_gen/current_link_gen", "pcie_link_generation"),
    of("pci/pci_gpu_link_info/pcie_gen/max_link_gen", "pcie_link_max_generation"),
    of("pci/pci_gpu_link_info/link_widths/current_link_width", "pcie_link_lanes"),
    of("pci/pci_gpu_link_info/link_widths/max_link_width", "pcie_link_max_lanes"),
    of("pci/replay_counter", "pcie_replays_total", within=10),
    of("max_clocks/sm_clock", "clock_max_hertz", 1e6, domain="sm"),
    of("max_clocks/mem_clock", "clock_max_hertz", 1e6, domain="memory"),
)

NOT_COMPARED = {
    "accounted_processes": "accounting is not read",
    "processes": "only counted; the lists differ from one moment to the next",
    "utilization": "changes faster than two programs can look",
    "clocks": "the same",
    "clocks_event_reasons": "the same",
    "supported_clocks": "is not exported",
    "ibmnpu": "is not exported",
    "remapped_rows": "nvidia-smi's form differs from driver to driver",
    "mig_devices": "compared by hand: docs/hardware.md",
}


@cache
def nvidia_smi() -> ET.Element:
    done = subprocess.run(["nvidia-smi", "-q", "-x"], capture_output=True, check=True, timeout=120)
    return ET.fromstring(done.stdout)


@cache
def told() -> Scrape:
    done = subprocess.run(
        [*EXPORTER, "--once", "--no-collector.allocation"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return parse(done.stdout)


def number(text: str | None) -> float | None:
    """Return the number in a field; None where nvidia-smi has none."""
    if text is None or text.strip().startswith(_NOTHING):
        return None
    found = _NUMBER.search(text)
    return float(found[0]) if found else None


def differences(gpu: ET.Element, scrape: Scrape) -> Iterator[str]:
    """Yield what the two say otherwise of one GPU."""
    uuid = gpu.findtext("uuid", "")
    for field in FIELDS:
        theirs = number(gpu.findtext(field.path))
        ours = scrape.value(field.series, uuid=uuid, **dict(field.labels))
        if theirs is None:
            continue
        if ours is None or abs(ours - theirs * field.unit) > field.within:
            said = "nothing" if ours is None else f"{ours:g}"
            yield f"{uuid} {field.path}: nvidia-smi {theirs * field.unit:g}, exporter {said}"


@pytest.fixture
def real() -> ET.Element:
    if shutil.which("nvidia-smi") is None:
        pytest.skip("no nvidia-smi: no NVIDIA driver here")
    return nvidia_smi()


@pytest.mark.gpu
def test_every_gpu_is_there_with_its_identity(real: ET.Element) -> None:
    ours = {s.labels["uuid"]: s.labels for s in told().all("railwatch_gpu_info")}

    theirs = {gpu.findtext("uuid", ""): gpu for gpu in real.iter("gpu")}
    assert theirs.keys() <= ours.keys()
    for uuid, gpu in theirs.items():
        assert ours[uuid]["name"] == gpu.findtext("product_name")
        assert told().gpu_state(uuid) == "ok"


@pytest.mark.gpu
def test_every_field_is_what_nvidia_smi_says(real: ET.Element) -> None:
    found = [line for gpu in real.iter("gpu") for line in differences(gpu, told())]

    assert found == []


def test_the_comparison_sees_a_difference_and_nothing_where_there_is_none() -> None:
    gpu = ET.fromstring(
        "<gpu><uuid>GPU-1</uuid><fb_memory_usage><total>81559 MiB</total></fb_memory_usage>"
        "<temperature><gpu_temp>40 C</gpu_temp><memory_temp>N/A</memory_temp></temperature></gpu>"
    )

    def scrape(celsius: float) -> Scrape:
        return parse(
            f'railwatch_gpu_memory_capacity_bytes{{gpu="0",uuid="GPU-1"}} {81559 * MIB}\n'
            f'railwatch_gpu_temperature_celsius{{gpu="0",uuid="GPU-1"}} {celsius}\n'
        )

    assert list(differences(gpu, scrape(45))) == []
    (said,) = differences(gpu, scrape(60))
    assert said == "GPU-1 temperature/gpu_temp: nvidia-smi 40, exporter 60"


def test_every_series_that_is_compared_is_in_the_catalogue() -> None:
    assert {field.series for field in FIELDS} <= {metric.name for metric in METRICS}
    assert not {field.path.partition("/")[0] for field in FIELDS} & NOT_COMPARED.keys()
