"""Licences of vGPU software."""

from datetime import UTC, datetime

import pytest

from exporters.facility import State
from exporters.gpu import vgpu_license
from exporters.gpu.nvml import Gpu
from exporters.runtime import run
from testbed.nvml import SimulatedNvml, state
from testbed.nvml.parts import License
from tests.exporters.gpu.readings import values

UNLICENSED_RESTRICTED, UNLICENSED, LICENSED = 3, 4, 5
EXPIRES, PERMANENT = 2, 4
END = datetime(2031, 2, 28, 23, 59, 58, tzinfo=UTC).timestamp()


def told(*, license_state: int, status: int = EXPIRES, uuid: str = "") -> License:
    return License(
        present=1,
        uuid=uuid.encode(),
        product=b"NVIDIA Virtual Applications",
        state=license_state,
        status=status,
        expiry=int(END),
    )


def test_bare_metal_has_none(gpu: Gpu) -> None:
    outcome = run(vgpu_license.FACILITY, [gpu])

    assert (outcome.state, outcome.samples) == (State.ABSENT, ())


@pytest.mark.parametrize(("number", "name"), [(LICENSED, "licensed"), (UNLICENSED, "unlicensed")])
def test_a_guest_tells_its_own(number: int, name: str, node: SimulatedNvml, gpu: Gpu) -> None:
    with node.card(0) as card:
        card.license = told(license_state=number)

    found = values(vgpu_license.FACILITY, gpu)

    states = {key: value for key, value in found.items() if key.startswith("vgpu_license ")}
    assert [key.split()[-1] for key, value in states.items() if value] == [name]
    assert len(states) == 6
    assert found["vgpu_license_expiry_timestamp_seconds  NVIDIA Virtual Applications"] == END


def test_a_licence_that_does_not_expire_has_no_date(node: SimulatedNvml, gpu: Gpu) -> None:
    with node.card(0) as card:
        card.license = told(license_state=LICENSED, status=PERMANENT)

    assert not any("expiry" in key for key in values(vgpu_license.FACILITY, gpu))


def test_a_host_tells_those_of_its_guests(node: SimulatedNvml, gpu: Gpu) -> None:
    with node.card(0) as card:
        first = told(license_state=LICENSED, uuid="one")
        second = told(license_state=UNLICENSED_RESTRICTED, status=PERMANENT, uuid="two")
        state.set_vgpus(card, [first, second])

    found = values(vgpu_license.FACILITY, gpu)

    assert found["vgpu_license one  licensed"] == 1
    assert found["vgpu_license two  unlicensed_restricted"] == 1
    assert found["vgpu_license two  licensed"] == 0
    assert [key for key in found if "expiry" in key] == [
        "vgpu_license_expiry_timestamp_seconds one "
    ]


def test_a_state_that_is_newer_than_this_program_is_failure(node: SimulatedNvml, gpu: Gpu) -> None:
    with node.card(0) as card:
        state.set_vgpus(card, [told(license_state=6)])

    outcome = run(vgpu_license.FACILITY, [gpu])

    assert (outcome.state, outcome.samples) == (State.FAILED, ())
    assert "there is no state 6" in outcome.problem


@pytest.mark.parametrize("expiry", [10**15, -(10**8)])
def test_a_date_that_is_none_is_failure(expiry: int, node: SimulatedNvml, gpu: Gpu) -> None:
    with node.card(0) as card:
        card.license = told(license_state=LICENSED)
        card.license.expiry = expiry

    outcome = run(vgpu_license.FACILITY, [gpu])

    assert outcome.state is State.FAILED
    assert "expiry" in outcome.problem
