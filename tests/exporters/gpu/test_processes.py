"""Processes: how many, and behind a flag whose memory."""

import pynvml
import pytest

from exporters.facility import Facility, State
from exporters.gpu import process_memory, processes
from exporters.gpu.nvml import Gpu
from exporters.registry import GPU, chosen
from exporters.runtime import run
from exporters.settings import Settings
from testbed.nvml import SimulatedNvml, state
from testbed.nvml.layout import ABSENT
from testbed.nvml.parts import GRAPHICS, MPS
from tests.exporters.gpu.cards import opened, process
from tests.exporters.gpu.readings import values

GIB = 1 << 30


def read(facility: Facility[Gpu], gpu: Gpu) -> dict[str, float]:
    """Return the values, without the label of a GPU that is not divided."""
    return {" ".join(name.split()): value for name, value in values(facility, gpu).items()}


def test_processes_are_counted_by_type(node: SimulatedNvml, gpu: Gpu) -> None:
    with node.card(0) as card:
        both = [process(11), process(11, kind=GRAPHICS)]
        state.set_processes(card, [*both, process(12), process(13, kind=MPS)])

    assert read(processes.FACILITY, gpu) == {
        "processes compute": 2,
        "processes graphics": 1,
        "processes mps": 1,
    }


def test_nobody_there_is_zero(gpu: Gpu) -> None:
    assert set(read(processes.FACILITY, gpu).values()) == {0}


def test_memory_by_process_is_told_once_whatever_its_types(node: SimulatedNvml, gpu: Gpu) -> None:
    with node.card(0) as card:
        both = [process(11, 2 * GIB), process(11, 2 * GIB, kind=GRAPHICS)]
        state.set_processes(card, [*both, process(12, GIB)])

    assert read(process_memory.FACILITY, gpu) == {
        "process_memory_bytes 11": 2 * GIB,
        "process_memory_bytes 12": GIB,
    }


def test_memory_by_process_is_off_by_default() -> None:
    default = chosen(GPU, Settings().facilities)

    assert processes.FACILITY in default
    assert process_memory.FACILITY not in default


def test_memory_that_the_driver_does_not_tell_is_no_series(node: SimulatedNvml, gpu: Gpu) -> None:
    with node.card(0) as card:
        state.set_processes(card, [process(11, ABSENT)])

    assert read(process_memory.FACILITY, gpu) == {}
    assert read(processes.FACILITY, gpu)["processes compute"] == 1


def test_more_memory_than_the_card_has_is_failure(node: SimulatedNvml, gpu: Gpu) -> None:
    with node.card(0) as card:
        state.set_processes(card, [process(11, 81 * GIB)])

    outcome = run(process_memory.FACILITY, [gpu])

    assert (outcome.state, outcome.samples) == (State.FAILED, ())
    assert "process 11" in outcome.problem


def test_a_divided_gpu_tells_them_by_device() -> None:
    with opened("A100-MIG") as (node, gpu):
        with node.card(0) as card:
            uuids = [one.uuid.decode() for one in card.migs if one.present]
            there = [process(11, GIB, instance=(3, 0)), process(12, instance=(9, 0))]
            state.set_processes(card, there)

        counted = values(processes.FACILITY, gpu)
        amounts = values(process_memory.FACILITY, gpu)

    assert counted[f"processes {uuids[1]} compute"] == counted[f"processes {uuids[2]} compute"] == 1
    assert counted[f"processes {uuids[0]} compute"] == 0
    assert len(counted) == 8
    assert amounts[f"process_memory_bytes {uuids[1]} 11"] == GIB


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (pynvml.NVML_ERROR_NOT_SUPPORTED, State.OK),
        (pynvml.NVML_ERROR_FUNCTION_NOT_FOUND, State.OK),
        (pynvml.NVML_ERROR_NO_PERMISSION, State.FAILED),
    ],
)
def test_a_type_that_cannot_be_listed_costs_none_of_the_others(
    error: int, expected: State, node: SimulatedNvml, gpu: Gpu
) -> None:
    node.fail(0, call="nvmlDeviceGetGraphics*", error=error)

    outcome = run(processes.FACILITY, [gpu])

    assert (outcome.state, len(outcome.samples)) == (expected, 2)
