"""Power beyond the draw, firmware, repairs, bytes over PCIe."""

import pynvml
import pytest

from exporters.facility import Facility, State
from exporters.gpu import gsp, pcie_bytes, pcie_errors, power, power_limits, remapped_banks, repairs
from exporters.gpu.nvml import Gpu
from exporters.runtime import run
from testbed.nvml import SimulatedNvml
from tests.exporters.gpu.readings import values


def test_draw_and_limits_in_watts(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, power=412_000, power_instant=455_500, power_limit=650_000)
    node.set(0, power_limit_requested=600_000, power_limit_default=700_000)

    assert values(power_limits.FACILITY, gpu) == {
        "power_instant_watts": 455.5,
        "power_average_watts": 412,
        "power_limit_setting_watts requested": 600,
        "power_limit_setting_watts default": 700,
        "power_limit_setting_watts min": 200,
        "power_limit_setting_watts max": 700,
    }
    assert values(power.FACILITY, gpu)["power_limit_watts"] == 650


def test_a_draw_that_cannot_be_costs_its_series(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, power_instant=2**31, power_limit_requested=-1)

    found = values(power_limits.FACILITY, gpu)

    assert run(power_limits.FACILITY, [gpu]).state is State.FAILED
    assert "power_instant_watts" not in found
    assert "power_limit_setting_watts requested" not in found
    assert found["power_average_watts"] == 72


def test_the_system_processor(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, gsp_version="570.1")
    assert values(gsp.FACILITY, gpu) == {"gsp_enabled": 1, "gsp_info 570.1": 1}

    node.set(0, gsp_enabled=0)
    assert values(gsp.FACILITY, gpu) == {"gsp_enabled": 0}


@pytest.mark.parametrize(
    ("field", "series"),
    [
        ("repair_channel", "repair_pending channel"),
        ("repair_tpc", "repair_pending tpc"),
        ("unrepairable_memory", "memory_unrepairable"),
    ],
)
def test_repairs(field: str, series: str, node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, **{field: 1})

    found = values(repairs.FACILITY, gpu)

    assert sorted(found) == ["memory_unrepairable", "repair_pending channel", "repair_pending tpc"]
    assert [name for name, value in found.items() if value] == [series]


def test_memory_beyond_repair_is_not_guessed_where_the_call_fails(
    node: SimulatedNvml, gpu: Gpu
) -> None:
    node.fail(0, call="nvmlDeviceGetUnrepairableMemoryFlag_v1", error=999)

    outcome = run(repairs.FACILITY, [gpu])

    assert outcome.problem == "nvmlDeviceGetUnrepairableMemoryFlag_v1: Unknown Error"
    assert "memory_unrepairable" not in values(repairs.FACILITY, gpu)


@pytest.mark.parametrize(("sent", "received"), [(0, 0), (2**32 - 2, 2**31)])
def test_bytes_that_may_be_of_32_bits_are_not_told(
    sent: int, received: int, node: SimulatedNvml, gpu: Gpu
) -> None:
    node.set(0, pcie_tx_bytes=sent, pcie_rx_bytes=received)

    outcome = run(pcie_bytes.FACILITY, [gpu])

    assert (outcome.state, outcome.samples) == (State.ABSENT, ())


def test_bytes_beyond_32_bits_are_true_counters(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, pcie_tx_bytes=2**40, pcie_rx_bytes=12)

    assert values(pcie_bytes.FACILITY, gpu) == {
        "pcie_transmitted_bytes_total": 2**40,
        "pcie_received_bytes_total": 12,
    }


def test_errors_of_all_lanes(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, pcie_lane_errors=2)
    assert values(pcie_errors.FACILITY, gpu)["pcie_errors_total lane"] == 32

    node.set(0, pcie_lane_errors=-1)
    fresh = Gpu(gpu.handle, gpu.procfs)
    assert "pcie_errors_total lane" not in values(pcie_errors.FACILITY, fresh)


def test_replaced_banks(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, remapped_bank_active=1, remapped_bank_inactive=2, remapped_bank_pending=3)
    node.set(0, remapped_bank_max=4, remapped_bank_none=5)
    node.set(0, remapped_bank_rows_correctable=6, remapped_bank_rows_uncorrectable=7)

    assert values(remapped_banks.FACILITY, gpu) == {
        "remapped_banks active": 1,
        "remapped_banks inactive": 2,
        "remapped_banks_pending": 1,
        "bank_remapper_groups max": 4,
        "bank_remapper_groups none": 5,
        "remapped_rows_inactive correctable": 6,
        "remapped_rows_inactive uncorrectable": 7,
    }


def test_replays_that_rolled_over(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, pcie_replay_rollover=3)

    assert values(pcie_errors.FACILITY, gpu)["pcie_errors_total replay_rollover"] == 3


def test_the_call_that_blocks_is_never_made(node: SimulatedNvml, gpu: Gpu) -> None:
    assert not hasattr(pynvml.nvmlLib, "nvmlDeviceGetPcieThroughput")
    node.set(0, pcie_tx_bytes=2**40)

    assert run(pcie_bytes.FACILITY, [gpu]).state is State.OK


@pytest.mark.parametrize(
    "facility", [power_limits.FACILITY, gsp.FACILITY, repairs.FACILITY, remapped_banks.FACILITY]
)
def test_what_a_card_does_not_have_is_absent_and_no_series(
    facility: Facility[Gpu], node: SimulatedNvml, gpu: Gpu
) -> None:
    for call in ("nvmlDeviceGetFieldValues", "*Gsp*", "*Repair*", "*Unrepairable*"):
        node.fail(0, call=call, error=pynvml.NVML_ERROR_NOT_SUPPORTED)

    outcome = run(facility, [gpu])

    assert (outcome.state, outcome.samples, outcome.problem) == (State.ABSENT, (), "")
