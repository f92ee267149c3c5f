"""GPUs that are divided."""

import pynvml
import pytest

from exporters.facility import State
from exporters.gpu import engines, identity, memory, mig, utilization
from exporters.gpu.nvml import Gpu
from exporters.runtime import run
from testbed.nvml import SimulatedNvml, state
from testbed.nvml.profiles import MigShape
from tests.exporters.gpu.cards import opened
from tests.exporters.gpu.readings import values

GIB = 1 << 30


def devices(node: SimulatedNvml) -> list[str]:
    with node.card(0) as card:
        return [one.uuid.decode() for one in card.migs if one.present]


@pytest.mark.parametrize("profile", ["A100-MIG", "H100-MIG"])
def test_each_device_has_its_instances_its_profile_and_its_memory(profile: str) -> None:
    with opened(profile) as (node, gpu):
        big, middle, small, last = devices(node)
        with node.card(0) as card:
            card.migs[1].memory_used = 3 * GIB

        found = values(mig.FACILITY, gpu)

    assert (found["mig_mode"], found["mig_mode_pending"]) == (1, 1)
    assert found[f"mig_info {big} 2 0 3g.40gb"] == 1
    assert found[f"mig_info {middle} 3 0 2g.20gb"] == 1
    assert found[f"mig_info {small} 9 0 1g.10gb"] == found[f"mig_info {last} 10 0 1g.10gb"] == 1
    capacity = found[f"mig_memory_capacity_bytes {middle}"]
    assert 19 * GIB < capacity < 20 * GIB
    assert found[f"mig_memory_used_bytes {middle}"] == 3 * GIB
    assert found[f"mig_memory_free_bytes {middle}"] == capacity - 3 * GIB
    assert found[f"mig_memory_used_bytes {big}"] == 0


def test_the_whole_tells_no_utilisation_but_its_memory_and_name() -> None:
    with opened("H100-MIG") as (_, gpu):
        for facility in (utilization.FACILITY, engines.FACILITY):
            outcome = run(facility, [gpu])
            assert (outcome.state, outcome.samples) == (State.ABSENT, ())

        assert values(memory.FACILITY, gpu)["memory_capacity_bytes"] > 79 * GIB
        assert "MIG" not in " ".join(values(identity.FACILITY, gpu))


def test_a_gpu_that_is_not_divided_has_a_mode_and_no_devices(gpu: Gpu) -> None:
    assert values(mig.FACILITY, gpu) == {"mig_mode": 0, "mig_mode_pending": 0}


@pytest.mark.parametrize("profile", ["L40S", "T4"])
def test_a_card_without_mig_has_not_even_a_mode(profile: str) -> None:
    with opened(profile) as (_, gpu):
        outcome = run(mig.FACILITY, [gpu])

    assert (outcome.state, outcome.samples, outcome.problem) == (State.ABSENT, (), "")


def test_a_mode_that_waits_for_a_reset_is_pending(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, mig_mode_pending=1)

    assert values(mig.FACILITY, gpu) == {"mig_mode": 0, "mig_mode_pending": 1}


def test_a_mode_that_nvml_does_not_have_is_failure(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, mig_mode=2)

    outcome = run(mig.FACILITY, [gpu])

    assert (outcome.state, outcome.samples) == (State.FAILED, ())
    assert "there is no mode 2" in outcome.problem


def test_a_new_division_shows_in_the_next_cycle() -> None:
    with opened("H100-MIG") as (node, gpu):
        before = values(mig.FACILITY, gpu)
        with node.card(0) as card:
            state.divide(card, [MigShape(profile="7g.80gb", gpu_instance=0, memory=79 * GIB)])
        (only,) = devices(node)

        after = values(mig.FACILITY, gpu)

    assert len(after) < len(before)
    assert after[f"mig_info {only} 0 0 7g.80gb"] == 1


def test_a_device_whose_memory_cannot_be_read_costs_none_of_the_others() -> None:
    with opened("H100-MIG") as (node, gpu):
        with node.card(0) as card:
            card.migs[0].memory_used = card.migs[0].memory_total + 1

        outcome = run(mig.FACILITY, [gpu])

    assert outcome.state is State.FAILED
    assert "does not add up" in outcome.problem
    assert len([s for s in outcome.samples if s.metric.unit == "bytes"]) == 9


def test_a_name_without_the_profile_leaves_it_open() -> None:
    with opened("A100-MIG") as (node, gpu):
        first = devices(node)[0]
        with node.card(0) as card:
            card.name = b"x" * 95

        assert f"mig_info {first} 2 0 " not in values(mig.FACILITY, gpu)
        assert run(mig.FACILITY, [gpu]).state is State.FAILED


def test_a_list_that_is_refused_is_failure_and_the_mode_stays() -> None:
    with opened("A100-MIG") as (node, gpu):
        node.fail(0, call="nvmlDeviceGetMaxMigDeviceCount", error=pynvml.NVML_ERROR_UNKNOWN)

        outcome = run(mig.FACILITY, [gpu])

    assert outcome.state is State.FAILED
    assert len(outcome.samples) == 2
