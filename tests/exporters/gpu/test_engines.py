"""The media engines, and the window to the memory."""

import pynvml
import pytest

from exporters.facility import Facility, State
from exporters.gpu import bar1, engines
from exporters.gpu.nvml import Gpu
from exporters.runtime import run
from testbed.nvml import SimulatedNvml
from tests.exporters.gpu.readings import values


def test_engines_as_ratios(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, encoder_utilization=10, decoder_utilization=100, jpeg_utilization=25)

    assert values(engines.FACILITY, gpu) == {
        "engine_utilization_ratio encoder": 0.1,
        "engine_utilization_ratio decoder": 1,
        "engine_utilization_ratio jpeg": 0.25,
        "engine_utilization_ratio ofa": 0,
    }


def test_an_engine_that_the_card_lacks_has_no_series(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, ofa_utilization=-1)

    found = values(engines.FACILITY, gpu)

    assert len(found) == 3
    assert "engine_utilization_ratio ofa" not in found


def test_an_engine_beyond_all_measure_fails_and_the_others_stay(
    node: SimulatedNvml, gpu: Gpu
) -> None:
    node.set(0, encoder_utilization=101)

    outcome = run(engines.FACILITY, [gpu])

    assert (outcome.state, len(outcome.samples)) == (State.FAILED, 3)
    assert "nvmlDeviceGetEncoderUtilization: 101" in outcome.problem


def test_the_window_in_bytes(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, bar1_total=128 << 30, bar1_used=3 << 20)

    assert values(bar1.FACILITY, gpu) == {
        "bar1_capacity_bytes": 128 << 30,
        "bar1_used_bytes": 3 << 20,
        "bar1_free_bytes": (128 << 30) - (3 << 20),
    }


def test_a_window_that_does_not_add_up_is_failure(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, bar1_total=1, bar1_used=3)

    outcome = run(bar1.FACILITY, [gpu])

    assert (outcome.state, outcome.samples) == (State.FAILED, ())


@pytest.mark.parametrize("facility", [engines.FACILITY, bar1.FACILITY])
def test_what_a_card_does_not_have_is_absent_and_no_series(
    facility: Facility[Gpu], node: SimulatedNvml, gpu: Gpu
) -> None:
    for call in ("*Utilization", "nvmlDeviceGetBAR1MemoryInfo"):
        node.fail(0, call=call, error=pynvml.NVML_ERROR_NOT_SUPPORTED)

    outcome = run(facility, [gpu])

    assert (outcome.state, outcome.samples, outcome.problem) == (State.ABSENT, (), "")
