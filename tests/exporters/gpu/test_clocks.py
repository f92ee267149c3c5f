"""The clocks, and what holds them down."""

import pynvml
import pytest

from exporters.facility import Facility, State
from exporters.gpu import clock_limits, clocks
from exporters.gpu.clock_limits import REASONS
from exporters.gpu.nvml import Gpu
from exporters.runtime import run
from testbed.nvml import SimulatedNvml
from tests.exporters.gpu.readings import values

HW_SLOWDOWN = 0x8
UNHEARD_OF = 1 << 40


def test_clocks_in_hertz_by_domain(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, clock_graphics=1410, clock_sm=1395, clock_memory=2619, clock_video=765)

    assert values(clocks.FACILITY, gpu) == {
        "clock_hertz graphics": 1_410_000_000,
        "clock_hertz sm": 1_395_000_000,
        "clock_hertz memory": 2_619_000_000,
        "clock_hertz video": 765_000_000,
        "clock_max_hertz graphics": 1_980_000_000,
        "clock_max_hertz sm": 1_980_000_000,
        "clock_max_hertz memory": 2_619_000_000,
        "clock_max_hertz video": 1_545_000_000,
    }


def test_a_clock_that_cannot_be_is_failure_and_the_others_stay(
    node: SimulatedNvml, gpu: Gpu
) -> None:
    node.set(0, clock_sm=4_000_000_000)

    outcome = run(clocks.FACILITY, [gpu])

    assert (outcome.state, len(outcome.samples)) == (State.FAILED, 7)


def test_reasons_have_the_bits_of_nvml() -> None:
    for reason, bit in REASONS.items():
        name = "".join(word.capitalize() for word in reason.split("_"))
        assert getattr(pynvml, f"nvmlClocksThrottleReason{name}") == bit


def limits(gpu: Gpu) -> dict[str, float]:
    return {
        name.removeprefix("clocks_limited "): value
        for name, value in values(clock_limits.FACILITY, gpu).items()
        if name.startswith("clocks_limited ")
    }


def test_each_reason_that_the_gpu_knows_is_there(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, clocks_limited=HW_SLOWDOWN | 0x4, clocks_limitable=0xF)

    assert limits(gpu) == {
        "gpu_idle": 0,
        "applications_clocks_setting": 0,
        "sw_power_cap": 1,
        "hw_slowdown": 1,
        "unknown": 0,
    }


def test_a_reason_of_a_newer_driver_is_unknown_and_not_lost(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, clocks_limited=UNHEARD_OF, clocks_limitable=UNHEARD_OF)

    assert limits(gpu) == {"unknown": 1}


def test_a_reason_that_holds_is_told_though_the_gpu_does_not_own_to_know_it(
    node: SimulatedNvml, gpu: Gpu
) -> None:
    node.set(0, clocks_limited=HW_SLOWDOWN, clocks_limitable=0)

    assert limits(gpu) == {"hw_slowdown": 1, "unknown": 0}


def test_seconds_for_which_a_reason_held(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, limited_sw_power_cap=2_500_000_000, limited_hw_power_brake_slowdown=1_000_000)
    node.set(0, limited_reliability=-1)

    found = values(clock_limits.FACILITY, gpu)

    assert found["clocks_limited_seconds_total sw_power_cap"] == 2.5
    assert found["clocks_limited_seconds_total hw_power_brake_slowdown"] == 0.001
    assert found["clocks_limited_seconds_total sync_boost"] == 0
    assert "clocks_limited_seconds_total reliability" not in found


@pytest.mark.parametrize("facility", [clocks.FACILITY, clock_limits.FACILITY])
def test_what_a_card_does_not_have_is_absent_and_no_series(
    facility: Facility[Gpu], node: SimulatedNvml, gpu: Gpu
) -> None:
    for call in ("*ClockInfo", "*ClocksEventReasons", "nvmlDeviceGetFieldValues"):
        node.fail(0, call=call, error=pynvml.NVML_ERROR_NOT_SUPPORTED)

    outcome = run(facility, [gpu])

    assert (outcome.state, outcome.samples, outcome.problem) == (State.ABSENT, (), "")
