"""Memory errors by where they happened."""

import pynvml
import pytest

from exporters.facility import Facility, State
from exporters.gpu import ecc_lifetime, ecc_locations, sram_ecc
from exporters.gpu.ecc_locations import _LOCATIONS
from exporters.gpu.nvml import Gpu
from exporters.runtime import run
from testbed.nvml import SimulatedNvml
from tests.exporters.gpu.readings import values


@pytest.mark.parametrize("location", _LOCATIONS)
def test_each_location_has_the_number_of_nvml(location: str) -> None:
    number = getattr(pynvml, f"NVML_MEMORY_LOCATION_{location.upper()}")

    assert _LOCATIONS[location] == number


def test_errors_by_location_and_kind_since_the_reset_and_in_the_cards_life(
    node: SimulatedNvml, gpu: Gpu
) -> None:
    node.set(0, ecc_corrected=4, sram_uncorrected=1)
    node.reset(0)
    node.set(0, ecc_corrected=1, sram_uncorrected=2)

    assert values(ecc_locations.FACILITY, gpu) == {
        "ecc_location_errors_total dram corrected": 1,
        "ecc_location_errors_total sram corrected": 0,
        "ecc_location_errors_total dram uncorrected": 0,
        "ecc_location_errors_total sram uncorrected": 2,
    }
    lifetime = {
        name: value
        for name, value in values(ecc_lifetime.FACILITY, gpu).items()
        if not name.startswith("sram")
    }
    assert lifetime == {
        "ecc_lifetime_errors_total dram corrected": 5,
        "ecc_lifetime_errors_total sram corrected": 0,
        "ecc_lifetime_errors_total dram uncorrected": 0,
        "ecc_lifetime_errors_total sram uncorrected": 3,
    }


def test_sram_errors_in_detail(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, sram_parity=1, sram_secded=2, sram_threshold_exceeded=1)
    node.set(0, sram_l2=3, sram_sm=4, sram_pcie=5, sram_mcu=6, sram_other=7)

    assert values(sram_ecc.FACILITY, gpu) == {
        "sram_uncorrected_errors_total parity": 1,
        "sram_uncorrected_errors_total secded": 2,
        "sram_threshold_exceeded": 1,
    }
    lifetime = {
        name: value
        for name, value in values(ecc_lifetime.FACILITY, gpu).items()
        if name.startswith("sram")
    }
    assert lifetime == {
        "sram_lifetime_uncorrected_errors_total l2": 3,
        "sram_lifetime_uncorrected_errors_total sm": 4,
        "sram_lifetime_uncorrected_errors_total pcie": 5,
        "sram_lifetime_uncorrected_errors_total mcu": 6,
        "sram_lifetime_uncorrected_errors_total other": 7,
    }


def test_where_the_driver_tells_root_only_the_facility_says_so(
    node: SimulatedNvml, gpu: Gpu
) -> None:
    call = "nvmlDeviceGetSramEccErrorStatus"
    node.fail(0, call=call, error=pynvml.NVML_ERROR_NO_PERMISSION)

    outcome = run(sram_ecc.FACILITY, [gpu])

    assert (outcome.state, outcome.samples) == (State.FAILED, ())
    assert outcome.problem == f"{call}: Insufficient Permissions"


@pytest.mark.parametrize(
    "facility", [ecc_locations.FACILITY, ecc_lifetime.FACILITY, sram_ecc.FACILITY]
)
def test_what_a_card_does_not_have_is_absent_and_no_series(
    facility: Facility[Gpu], node: SimulatedNvml, gpu: Gpu
) -> None:
    for call in ("nvmlDeviceGetMemoryErrorCounter", "nvmlDeviceGetSramEccErrorStatus"):
        node.fail(0, call=call, error=pynvml.NVML_ERROR_NOT_SUPPORTED)

    outcome = run(facility, [gpu])

    assert (outcome.state, outcome.samples, outcome.problem) == (State.ABSENT, (), "")
