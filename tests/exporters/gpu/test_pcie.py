"""The GPU's own link."""

import pynvml
import pytest

from exporters.facility import Facility, State
from exporters.gpu import pcie, pcie_errors
from exporters.gpu.nvml import Gpu
from exporters.runtime import run
from testbed.nvml import SimulatedNvml
from tests.exporters.gpu.readings import values


def test_the_link_now_and_at_most(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, pcie_generation=1, pcie_lanes=8)

    found = values(pcie.FACILITY, gpu)

    assert found["pcie_link_generation"] == 1
    assert found["pcie_link_max_generation"] == 5
    assert found["pcie_link_lanes"] == 8
    assert found["pcie_link_max_lanes"] == 16


def test_what_went_wrong_on_the_link(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, pcie_replay=7, pcie_recovery=2, pcie_correctable=5, pcie_naks_sent=4, pcie_fatal=-1)

    found = values(pcie_errors.FACILITY, gpu)

    assert found["pcie_replays_total"] == 7
    assert found["pcie_recoveries_total"] == 2
    assert found["pcie_errors_total correctable"] == 5
    assert found["pcie_errors_total naks_sent"] == 4
    assert found["pcie_errors_total bad_tlp"] == 0
    assert "pcie_errors_total fatal" not in found


def test_a_link_that_cannot_be_is_failure_not_a_value(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, pcie_generation=16, pcie_lanes=128)

    found = values(pcie.FACILITY, gpu)

    assert run(pcie.FACILITY, [gpu]).state is State.FAILED
    assert not [name for name in found if name.startswith("pcie_link")]


def test_each_kind_of_error_is_of_its_own_field(node: SimulatedNvml, gpu: Gpu) -> None:
    kinds = [
        *("correctable", "non_fatal", "fatal", "unsupported_request", "receiver", "bad_tlp"),
        *("bad_dllp", "lcrc", "naks_sent", "naks_received"),
    ]
    node.set(0, **{f"pcie_{kind}": count for count, kind in enumerate(kinds, start=1)})

    found = values(pcie_errors.FACILITY, gpu)

    assert [found[f"pcie_errors_total {kind}"] for kind in kinds] == list(range(1, 11))


@pytest.mark.parametrize("facility", [pcie.FACILITY, pcie_errors.FACILITY])
def test_without_a_link_to_tell_of_it_is_absent(
    facility: Facility[Gpu], node: SimulatedNvml, gpu: Gpu
) -> None:
    for call in ("*Pcie*", "nvmlDeviceGetFieldValues"):
        node.fail(0, call=call, error=pynvml.NVML_ERROR_NOT_SUPPORTED)

    outcome = run(facility, [gpu])

    assert (outcome.state, outcome.samples, outcome.problem) == (State.ABSENT, (), "")


def test_a_link_that_cannot_be_read_fails_by_name(node: SimulatedNvml, gpu: Gpu) -> None:
    node.fail(0, call="*Pcie*", error=999)

    outcome = run(pcie.FACILITY, [gpu])

    assert (outcome.state, outcome.samples) == (State.FAILED, ())
    assert "nvmlDeviceGetCurrPcieLinkGeneration: Unknown Error" in outcome.problem


def test_fields_that_cannot_be_read_fail_by_name(node: SimulatedNvml, gpu: Gpu) -> None:
    node.fail(0, call="nvmlDeviceGetFieldValues", error=999)

    outcome = run(pcie_errors.FACILITY, [gpu])

    assert (outcome.state, outcome.samples) == (State.FAILED, ())
    assert outcome.problem == "nvmlDeviceGetFieldValues: Unknown Error"
