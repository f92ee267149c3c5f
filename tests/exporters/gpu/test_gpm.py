"""Rates between two samples."""

import dataclasses
from collections.abc import Callable

import pynvml
import pytest

from exporters.facility import Outcome, State
from exporters.gpu import gpm, gpm_detail
from exporters.gpu.nvml import Gpu
from exporters.gpu.rates import Rate
from exporters.runtime import run
from testbed.nvml import SimulatedNvml, state
from testbed.nvml.layout import ABSENT
from testbed.nvml.parts import GPM, SAMPLES
from testbed.nvml.profiles import MigShape
from tests.exporters.gpu.cards import opened
from tests.exporters.gpu.readings import values

EVERYTHING = dataclasses.replace(
    gpm.FACILITY, readings=(*gpm.FACILITY.readings, *gpm_detail.FACILITY.readings)
)
"""What is read of the samples by default, and the detail."""

MIB = 1 << 20
OF_A_DEVICE = len(Rate) - 2
"""A MIG device does not use NVLink."""


def say(node: SimulatedNvml, **rates: float) -> None:
    with node.card(0) as card:
        state.set_rates(card, rates)


def measure(gpu: Gpu) -> Outcome:
    gpu.begin()
    return run(EVERYTHING, [gpu])


def read(gpu: Gpu) -> dict[str, float]:
    """Return the values, without the label of a GPU that is not divided."""
    return {" ".join(name.split()): value for name, value in values(EVERYTHING, gpu).items()}


@pytest.mark.parametrize("rate", Rate)
def test_each_has_the_number_of_nvml(rate: Rate) -> None:
    assert getattr(pynvml, f"NVML_GPM_METRIC_{rate.name}") == rate


def test_the_first_cycle_samples_and_the_second_tells(node: SimulatedNvml, gpu: Gpu) -> None:
    say(node, sm_active=42.5, tensor_active=31, hmma_active=30, pcie_sent=2, nvlink_received=1.5)

    first = measure(gpu)
    found = read(gpu)

    assert (first.state, first.samples) == (State.OK, ())
    assert len(found) == len(Rate) == len(GPM)
    assert found["sm_active_ratio"] == pytest.approx(0.425)
    assert found["tensor_active_ratio"] == pytest.approx(0.31)
    assert found["pipe_active_ratio tensor_hmma"] == pytest.approx(0.3)
    assert found["pcie_throughput_bytes_per_second transmit"] == 2 * MIB
    assert found["pcie_throughput_bytes_per_second receive"] == 0
    assert found["nvlink_throughput_bytes_per_second receive"] == 1.5 * MIB


def test_pipes_and_the_pcie_of_mig_devices_are_detail() -> None:
    with opened("H100-MIG") as (_, gpu):
        measure(gpu)
        found = values(gpm.FACILITY, gpu)

    assert len(found) == 4 * 5
    assert not [name for name in found if "pipe" in name or "pcie" in name]


@pytest.mark.parametrize("profile", ["T4", "L40S", "A100", "A100-MIG"])
def test_before_hopper_there_is_none(profile: str) -> None:
    with opened(profile) as (_, gpu):
        measure(gpu)
        outcome = measure(gpu)

    assert (outcome.state, outcome.samples, outcome.problem) == (State.ABSENT, (), "")


def test_a_rate_that_the_card_does_not_tell_has_no_series(node: SimulatedNvml, gpu: Gpu) -> None:
    say(node, fp64_active=ABSENT, nvlink_sent=ABSENT, nvlink_received=ABSENT)

    measure(gpu)
    outcome = measure(gpu)

    assert (outcome.state, len(outcome.samples)) == (State.OK, len(Rate) - 3)
    assert "pipe_active_ratio fp64" not in read(gpu)


@pytest.mark.parametrize("nonsense", [float("nan"), float("inf"), -0.5, 100.6, 1e308])
def test_nonsense_is_failure_and_the_others_stay(
    nonsense: float, node: SimulatedNvml, gpu: Gpu
) -> None:
    say(node, sm_occupancy=nonsense, sm_active=7)

    measure(gpu)
    outcome = measure(gpu)

    assert (outcome.state, len(outcome.samples)) == (State.FAILED, len(Rate) - 1)
    assert "NVML_GPM_METRIC_SM_OCCUPANCY" in outcome.problem


def test_what_rounding_puts_above_the_whole_is_the_whole(node: SimulatedNvml, gpu: Gpu) -> None:
    say(node, graphics_active=100.2)

    measure(gpu)

    assert read(gpu)["graphics_active_ratio"] == 1


@pytest.mark.parametrize(
    "call",
    [
        "nvmlDeviceGetMigMode",
        "nvmlGpmQueryDeviceSupport",
        "nvmlGpmSampleAlloc",
        "nvmlGpmSampleGet",
        "nvmlGpmMetricsGet",
    ],
)
def test_a_cycle_that_fails_tells_nothing_and_the_next_one_spans_it(
    call: str, node: SimulatedNvml, gpu: Gpu
) -> None:
    say(node, sm_active=10)
    if call != "nvmlGpmSampleAlloc":
        measure(gpu)
        measure(gpu)
    node.fail(0, call=call, error=pynvml.NVML_ERROR_UNKNOWN)
    node.fail(call=call, error=pynvml.NVML_ERROR_UNKNOWN)

    outcome = measure(gpu)

    assert (outcome.state, outcome.samples) == (State.FAILED, ())
    assert call in outcome.problem
    node.recover(0)
    node.recover()
    if call == "nvmlGpmSampleAlloc":
        measure(gpu)
    assert read(gpu)["sm_active_ratio"] == pytest.approx(0.1)


def test_each_mig_device_has_its_own_and_the_whole_has_none() -> None:
    with opened("H100-MIG") as (node, gpu):
        with node.card(0) as card:
            state.set_rates(card.migs[1], {"sm_active": 80})
            uuids = [one.uuid.decode() for one in card.migs if one.present]

        measure(gpu)
        found = values(EVERYTHING, gpu)

    assert found[f"sm_active_ratio {uuids[1]}"] == pytest.approx(0.8)
    assert found[f"sm_active_ratio {uuids[0]}"] == 0
    assert len(found) == 4 * OF_A_DEVICE


def test_devices_that_share_a_gpu_instance_cannot_be_told_apart() -> None:
    with opened("H100-MIG") as (node, gpu):
        with node.card(0) as card:
            half = [
                MigShape(profile=f"{n}c.3g.40gb", gpu_instance=2, compute_instance=n, memory=MIB)
                for n in (1, 2)
            ]
            state.divide(card, [*half, MigShape(profile="1g.10gb", gpu_instance=9, memory=MIB)])
            alone = card.migs[2].uuid.decode()

        measure(gpu)
        found = values(EVERYTHING, gpu)

    assert len(found) == OF_A_DEVICE
    assert all(alone in name for name in found)


def divide(node: SimulatedNvml, number: int) -> None:
    shape = MigShape(profile="1g.10gb", gpu_instance=number, memory=MIB)
    with node.card(0) as card:
        card.mig_mode = number % 3 > 0
        state.divide(card, [shape] if card.mig_mode else [])


def fail_now_and_then(node: SimulatedNvml, number: int) -> None:
    node.recover(0)
    if number % 2:
        node.fail(0, call="nvmlGpm*Sample*", error=pynvml.NVML_ERROR_UNKNOWN)


@pytest.mark.parametrize("trouble", [divide, fail_now_and_then])
def test_no_sample_is_left_behind(
    trouble: Callable[[SimulatedNvml, int], None], node: SimulatedNvml, gpu: Gpu
) -> None:
    """The simulated driver has so many buffers and no more."""
    for number in range(3 * SAMPLES):
        trouble(node, number)
        measure(gpu)

    node.recover(0)
    measure(gpu)
    assert measure(gpu).problem == ""
