"""Temperatures and their limits, fans, modes."""

import pynvml
import pytest

from exporters.facility import Facility, State
from exporters.gpu import fans, memory_temperature, modes, thermal_limits
from exporters.gpu.nvml import Gpu
from exporters.runtime import run
from testbed.nvml import SimulatedNvml
from tests.exporters.gpu.readings import values


def test_the_memory_in_degrees(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, memory_temperature=88)

    assert values(memory_temperature.FACILITY, gpu) == {"memory_temperature_celsius": 88}


def test_memory_without_a_sensor_is_absent(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, memory_temperature=-1)

    assert run(memory_temperature.FACILITY, [gpu]).state is State.ABSENT


def test_a_newer_gpu_tells_margins(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, temperature_margin=-3)

    assert values(thermal_limits.FACILITY, gpu) == {
        "temperature_margin_celsius": -3,
        "temperature_margin_threshold_celsius shutdown": -8,
        "temperature_margin_threshold_celsius slowdown": -2,
        "temperature_margin_threshold_celsius memory_max": 0,
        "temperature_margin_threshold_celsius gpu_max": 0,
    }


def test_an_older_gpu_tells_temperatures(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, temperature_shutdown=104, temperature_slowdown=101)
    node.set(0, temperature_memory_max=95, temperature_gpu_max=93)

    found = values(thermal_limits.FACILITY, gpu)

    assert found["temperature_threshold_celsius shutdown"] == 104
    assert found["temperature_threshold_celsius slowdown"] == 101
    assert found["temperature_threshold_celsius memory_max"] == 95
    assert found["temperature_threshold_celsius gpu_max"] == 93


@pytest.mark.parametrize(
    ("facility", "field", "metric"),
    [
        (memory_temperature.FACILITY, "memory_temperature", "memory_temperature_celsius"),
        (thermal_limits.FACILITY, "temperature_slowdown", "temperature_threshold_celsius slowdown"),
        (thermal_limits.FACILITY, "temperature_margin", "temperature_margin_celsius"),
        (thermal_limits.FACILITY, "margin_gpu_max", "temperature_margin_threshold_celsius gpu_max"),
    ],
)
def test_a_temperature_that_cannot_be_is_failure_not_a_value(
    facility: Facility[Gpu], field: str, metric: str, node: SimulatedNvml, gpu: Gpu
) -> None:
    node.set(0, **{field: 1000})

    assert run(facility, [gpu]).state is State.FAILED
    assert metric not in values(facility, gpu)


def test_each_fan_as_a_ratio(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, fans=2, fan_speed=105)

    assert values(fans.FACILITY, gpu) == {"fan_speed_ratio 0": 1.05, "fan_speed_ratio 1": 1.05}


def test_more_fans_than_can_be_become_no_series(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, fans=1_000_000)

    outcome = run(fans.FACILITY, [gpu])

    assert (outcome.state, outcome.samples) == (State.FAILED, ())
    assert "nvmlDeviceGetNumFans: 1000000" in outcome.problem


def test_modes(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, performance_state=8, persistence_mode=1, compute_mode=3)

    assert values(modes.FACILITY, gpu) == {
        "performance_state": 8,
        "persistence_mode": 1,
        "compute_mode default": 0,
        "compute_mode exclusive_thread": 0,
        "compute_mode prohibited": 0,
        "compute_mode exclusive_process": 1,
        "compute_mode unknown": 0,
    }


def test_a_compute_mode_of_a_newer_driver_is_unknown(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, compute_mode=9)

    assert values(modes.FACILITY, gpu)["compute_mode unknown"] == 1


def test_a_performance_state_that_the_driver_does_not_know_is_absent(
    node: SimulatedNvml, gpu: Gpu
) -> None:
    node.set(0, performance_state=pynvml.NVML_PSTATE_UNKNOWN)

    assert "performance_state" not in values(modes.FACILITY, gpu)
    assert run(modes.FACILITY, [gpu]).state is State.OK


def test_a_performance_state_that_there_is_not_is_failure(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, performance_state=16)

    assert run(modes.FACILITY, [gpu]).state is State.FAILED


@pytest.mark.parametrize("facility", [thermal_limits.FACILITY, fans.FACILITY, modes.FACILITY])
def test_what_a_card_does_not_have_is_absent_and_no_series(
    facility: Facility[Gpu], node: SimulatedNvml, gpu: Gpu
) -> None:
    for call in ("*Temperature*", "*Fan*", "*State", "*Mode", "nvmlDeviceGetFieldValues"):
        node.fail(0, call=call, error=pynvml.NVML_ERROR_NOT_SUPPORTED)

    outcome = run(facility, [gpu])

    assert (outcome.state, outcome.samples, outcome.problem) == (State.ABSENT, (), "")
