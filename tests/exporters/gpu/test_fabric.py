"""The NVLink fabric's registration, and chip-to-chip links."""

import pynvml
import pytest

from catalog import gpu_fabric
from exporters.facility import Facility, State
from exporters.gpu import c2c, fabric
from exporters.gpu.nvml import Gpu
from exporters.runtime import run
from testbed.nvml import SimulatedNvml
from tests.exporters.gpu.readings import values

CLUSTER = "0123456789abcdef0123456789abcdef"
WELL = 0x51AA
"""Every part of the health mask watched, and in order."""


def test_a_gpu_that_is_registered(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, fabric_cluster=CLUSTER, fabric_clique=7)

    assert values(fabric.FACILITY, gpu) == {
        "fabric_state not_started": 0,
        "fabric_state in_progress": 0,
        "fabric_state completed": 1,
        "fabric_state unknown": 0,
        "fabric_registration_error": 0,
        "fabric_info 01234567-89ab-cdef-0123-456789abcdef 7 ": 1,
    }


def test_the_health_that_the_fabric_manager_tells(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, fabric_health=WELL, fabric_summary=1)

    found = values(fabric.FACILITY, gpu)

    assert found["fabric_health healthy"] == 1
    assert found["fabric_health unhealthy"] == found["fabric_health unknown"] == 0
    troubles = {name: value for name, value in found.items() if name.startswith("fabric_trouble")}
    assert troubles == {
        "fabric_trouble degraded_bandwidth": 0,
        "fabric_trouble route_recovery": 0,
        "fabric_trouble route_unhealthy": 0,
        "fabric_trouble access_timeout_recovery": 0,
        "fabric_trouble no_partition": 0,
        "fabric_trouble manager_disconnected": 0,
        "fabric_trouble incorrect_configuration": 0,
    }


TYPE, SHIFT = "NVML_GPU_FABRIC_HEALTH_MASK", "NVML_GPU_FABRIC_HEALTH_MASK_SHIFT"


@pytest.mark.parametrize(
    ("kind", "part", "value"),
    [
        ("degraded_bandwidth", "DEGRADED_BW", "TRUE"),
        ("route_recovery", "ROUTE_RECOVERY", "TRUE"),
        ("route_unhealthy", "ROUTE_UNHEALTHY", "TRUE"),
        ("access_timeout_recovery", "ACCESS_TIMEOUT_RECOVERY", "TRUE"),
        ("no_partition", "PARTITION_ASSIGNED", "FALSE"),
        ("manager_disconnected", "GFM_STATE", "DISCONNECTED"),
        ("incorrect_configuration", "INCORRECT_CONFIGURATION", "NO_PARTITION"),
    ],
)
def test_each_trouble_is_that_of_nvml(
    kind: str, part: str, value: str, node: SimulatedNvml, gpu: Gpu
) -> None:
    number = getattr(pynvml, f"{TYPE}_{part}_{value}")
    node.set(0, fabric_health=number << getattr(pynvml, f"{SHIFT}_{part}"))

    found = values(fabric.FACILITY, gpu)

    assert [name for name in found if name.startswith("fabric_trouble")] == [
        f"fabric_trouble {kind}"
    ]
    assert found[f"fabric_trouble {kind}"] == 1


def test_a_configuration_is_named(node: SimulatedNvml, gpu: Gpu) -> None:
    names = []
    for number in (*gpu_fabric.CONFIGURATIONS, 9):
        node.set(0, fabric_health=number << 8)
        names += [n.split(" ")[-1] for n in values(fabric.FACILITY, gpu) if "fabric_info" in n]

    assert names == [*gpu_fabric.CONFIGURATIONS.values(), "unknown"]


def test_what_a_newer_fabric_manager_tells_is_unknown_and_never_healthy(
    node: SimulatedNvml, gpu: Gpu
) -> None:
    node.set(0, fabric_state=9, fabric_summary=9, fabric_health=0x3 | 9 << 8)

    found = values(fabric.FACILITY, gpu)

    assert found["fabric_state unknown"] == 1
    assert found["fabric_health unknown"] == 1
    assert not [name for name in found if name.startswith(("fabric_trouble", "fabric_info"))]


@pytest.mark.parametrize("state", [1, 2])
def test_a_registration_under_way_has_no_result(state: int, node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, fabric_state=state, fabric_status=999)

    found = values(fabric.FACILITY, gpu)

    assert found["fabric_state completed"] == 0
    assert not [name for name in found if name.startswith(("fabric_reg", "fabric_info"))]


def test_a_registration_that_failed_tells_by_what(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, fabric_status=999)

    assert values(fabric.FACILITY, gpu)["fabric_registration_error"] == 999


def test_a_driver_that_knows_an_older_structure_is_asked_with_that(
    node: SimulatedNvml, gpu: Gpu
) -> None:
    node.set(0, fabric_structure=2, fabric_health=WELL, fabric_summary=2)

    found = values(fabric.FACILITY, gpu)

    assert found["fabric_trouble degraded_bandwidth"] == 0
    assert not [name for name in found if name.startswith("fabric_health")]


@pytest.mark.parametrize("state", [0, -1])
def test_without_a_fabric_it_is_absent(state: int, node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, fabric_state=state)

    outcome = run(fabric.FACILITY, [gpu])

    assert (outcome.state, outcome.samples, outcome.problem) == (State.ABSENT, (), "")


def test_chip_to_chip_links(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, c2c_links=5, c2c_active=4, c2c_bandwidth=44_712, c2c_crc=1)
    node.set(0, c2c_replay=2, c2c_replay_b2b=0)

    assert values(c2c.FACILITY, gpu) == {
        "c2c_links inactive": 1,
        "c2c_links active": 4,
        "c2c_links unknown": 0,
        "c2c_speed_bytes_per_second": 4 * 44_712_000_000,
        "c2c_errors_total crc": 5,
        "c2c_errors_total replay": 10,
        "c2c_errors_total replay_back_to_back": 0,
    }


def test_chip_to_chip_links_that_are_all_down(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, c2c_links=5, c2c_active=0, c2c_crc=-1, c2c_replay=-1, c2c_replay_b2b=-1)

    assert values(c2c.FACILITY, gpu) == {
        "c2c_links inactive": 5,
        "c2c_links active": 0,
        "c2c_links unknown": 0,
        "c2c_speed_bytes_per_second": 0,
    }


def test_a_speed_that_cannot_be_costs_its_series(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, c2c_links=5, c2c_active=5, c2c_bandwidth=2**31)

    found = values(c2c.FACILITY, gpu)

    assert run(c2c.FACILITY, [gpu]).state is State.FAILED
    assert "c2c_speed_bytes_per_second" not in found
    assert found["c2c_links active"] == 5


@pytest.mark.parametrize(
    ("facility", "call"),
    [(fabric.FACILITY, "nvmlDeviceGetGpuFabricInfoV"), (c2c.FACILITY, "nvmlDeviceGetFieldValues")],
)
def test_what_cannot_be_read_fails_by_name(
    facility: Facility[Gpu], call: str, node: SimulatedNvml, gpu: Gpu
) -> None:
    node.fail(0, call=call, error=999)

    outcome = run(facility, [gpu])

    assert (outcome.state, outcome.samples) == (State.FAILED, ())
    assert outcome.problem == f"{call}: Unknown Error"
