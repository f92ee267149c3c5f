"""What a GPU did about its bad memory."""

import pynvml
import pytest

from exporters.facility import Facility, State
from exporters.gpu import remapped_rows, retired_pages
from exporters.gpu.nvml import Gpu
from exporters.runtime import run
from testbed.nvml import SimulatedNvml
from tests.exporters.gpu.readings import values


def test_rows_by_the_kind_of_error_and_banks_by_the_spare_rows_left(
    node: SimulatedNvml, gpu: Gpu
) -> None:
    node.set(0, remapped_correctable=3, remapped_uncorrectable=2, remapped_pending=1)
    node.set(0, banks_max=637, banks_high=2, banks_low=1)

    assert values(remapped_rows.FACILITY, gpu) == {
        "remapped_rows correctable": 3,
        "remapped_rows uncorrectable": 2,
        "remapped_rows_pending": 1,
        "remapped_rows_failed": 0,
        "row_remapper_banks max": 637,
        "row_remapper_banks high": 2,
        "row_remapper_banks partial": 0,
        "row_remapper_banks low": 1,
        "row_remapper_banks none": 0,
    }


def test_a_reset_replaces_the_row_that_waits_and_a_failure_stays(
    node: SimulatedNvml, gpu: Gpu
) -> None:
    node.set(0, remapped_pending=1, remapped_failed=1)

    node.reset(0)

    found = values(remapped_rows.FACILITY, gpu)
    assert found["remapped_rows_pending"] == 0
    assert found["remapped_rows_failed"] == 1


def test_under_mig_the_rows_are_not_told_but_the_banks_are(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, mig_mode=1)

    found = values(remapped_rows.FACILITY, gpu)

    assert not [name for name in found if name.startswith("remapped_rows")]
    assert found["row_remapper_banks max"] == 640


def test_what_nvml_marks_as_not_available_is_absent(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, remapped_correctable=2**32 - 1, banks_max=2**32 - 1)

    assert run(remapped_rows.FACILITY, [gpu]).state is State.ABSENT


def test_pages_by_cause_on_a_card_that_retires_them(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, retired_single_bit=4, retired_double_bit=1, retired_pending=1)

    assert values(retired_pages.FACILITY, gpu) == {
        "retired_pages single_bit": 4,
        "retired_pages double_bit": 1,
        "retired_pages_pending": 1,
    }


@pytest.mark.parametrize(
    ("facility", "call"),
    [
        (remapped_rows.FACILITY, "nvmlDeviceGetR*"),
        (retired_pages.FACILITY, "nvmlDeviceGetFieldValues"),
    ],
)
def test_what_a_card_does_not_have_is_absent_and_no_series(
    facility: Facility[Gpu], call: str, node: SimulatedNvml, gpu: Gpu
) -> None:
    node.fail(0, call=call, error=pynvml.NVML_ERROR_NOT_SUPPORTED)

    outcome = run(facility, [gpu])

    assert (outcome.state, outcome.samples, outcome.problem) == (State.ABSENT, (), "")


def test_an_h100_retires_no_pages(gpu: Gpu) -> None:
    assert run(retired_pages.FACILITY, [gpu]).state is State.ABSENT
