"""NVLinks: over all of them, of the worst, and each by itself."""

from collections.abc import Iterator

import pynvml
import pytest

from exporters.errors import Unreadable
from exporters.facility import Facility, State
from exporters.gpu import nvlink, nvlink_errors, nvlink_links
from exporters.gpu.fields import FEC_BINS, FEC_HISTORY, LinkField
from exporters.gpu.nvlink_kinds import ERRORS, ratio
from exporters.gpu.nvml import Gpu
from exporters.runtime import run
from testbed.nvml import SimulatedNvml
from tests.exporters.gpu.cards import opened
from tests.exporters.gpu.readings import values

ABSENT = -1
FACILITIES = [nvlink.FACILITY, nvlink_errors.FACILITY, nvlink_links.FACILITY]


@pytest.fixture
def newer() -> Iterator[tuple[SimulatedNvml, Gpu]]:
    with opened("B200") as card:
        yield card


@pytest.fixture
def older() -> Iterator[tuple[SimulatedNvml, Gpu]]:
    with opened("A100") as card:
        yield card


@pytest.mark.parametrize("field", LinkField)
def test_each_field_has_the_number_of_nvml(field: LinkField) -> None:
    name = f"NVML_FI_DEV_{field.name}"
    numbered = hasattr(pynvml, f"{name}_L0")
    for link in range(12):
        number = getattr(pynvml, f"{name}_L{link}" if numbered else name)
        assert field.of(link) == ((number, 0) if numbered else (number, link))
    assert (field.of(12) is None) is numbered


def test_the_bins_of_the_correction_have_the_numbers_of_nvml() -> None:
    for place in range(FEC_BINS):
        name = f"NVML_FI_DEV_NVLINK_COUNT_FEC_HISTORY_{place}"
        assert getattr(pynvml, name) == FEC_HISTORY + place


def test_links_are_counted_by_state_and_what_they_lead_to(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set_link(0, 3, state=0)
    node.set_link(0, 4, state=2, remote_type=0)
    node.set_link(0, 5, state=3)
    node.set_link(0, 6, state=4, remote_type=0xFF)

    found = values(nvlink.FACILITY, gpu)

    assert found == {
        "nvlink_links inactive": 1,
        "nvlink_links active": 14,
        "nvlink_links sleep": 1,
        "nvlink_links traffic_disabled": 1,
        "nvlink_links unknown": 1,
        "nvlink_remotes gpu": 1,
        "nvlink_remotes switch": 15,
        "nvlink_remotes unknown": 1,
        "nvlink_speed_bytes_per_second": 17 * 26_562_000_000,
        "nvlink_transmitted_bytes_total": 0,
        "nvlink_received_bytes_total": 0,
    }


def test_what_a_link_leads_to_is_asked_again_when_a_state_changed(
    node: SimulatedNvml, gpu: Gpu
) -> None:
    assert values(nvlink.FACILITY, gpu)["nvlink_remotes switch"] == 18
    node.set_link(0, 0, state=0)
    values(nvlink.FACILITY, gpu)

    node.set_link(0, 0, state=1, remote_type=1)

    assert values(nvlink.FACILITY, gpu)["nvlink_remotes npu"] == 1


def test_bytes_of_all_links(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set_link(0, data_tx=2, data_rx=3)

    found = values(nvlink.FACILITY, gpu)

    assert found["nvlink_transmitted_bytes_total"] == 18 * 2 * 1024
    assert found["nvlink_received_bytes_total"] == 18 * 3 * 1024


def test_bytes_are_counted_as_such_from_nvlink_5_on(newer: tuple[SimulatedNvml, Gpu]) -> None:
    node, gpu = newer
    node.set_link(0, data_tx=2, data_rx=3, tx_bytes=50, rx_bytes=70)

    found = values(nvlink.FACILITY, gpu)

    assert found["nvlink_transmitted_bytes_total"] == 18 * 50
    assert found["nvlink_received_bytes_total"] == 18 * 70


def test_the_sum_of_errors_and_those_of_the_worst_link(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set_link(0, 1, replay=5, crc=1)
    node.set_link(0, 17, replay=7, recovery=2)

    assert values(nvlink_errors.FACILITY, gpu) == {
        "nvlink_errors_total replay": 12,
        "nvlink_errors_worst_total replay": 7,
        "nvlink_errors_total recovery": 2,
        "nvlink_errors_worst_total recovery": 2,
        "nvlink_errors_total crc": 1,
        "nvlink_errors_worst_total crc": 1,
    }


def test_without_errors_there_is_no_worst_link(newer: tuple[SimulatedNvml, Gpu]) -> None:
    _, gpu = newer

    found = values(nvlink_errors.FACILITY, gpu)

    assert found["nvlink_errors_total symbol"] == found["nvlink_recoveries_total failed"] == 0
    assert not [name for name in found if "worst_total" in name]


def test_each_kind_of_error_is_of_its_own_field(newer: tuple[SimulatedNvml, Gpu]) -> None:
    node, gpu = newer
    kinds = list(ERRORS)[6:]
    counts = dict(zip(kinds, range(1, 99), strict=False))
    node.set_link(0, 7, **counts)

    found = values(nvlink_errors.FACILITY, gpu)

    assert {kind: found[f"nvlink_errors_total {kind}"] for kind in kinds} == counts
    assert not [name for name in found if name.endswith(tuple(list(ERRORS)[:6]))]


def test_older_cards_tell_errors_by_fields_of_each_link(older: tuple[SimulatedNvml, Gpu]) -> None:
    node, gpu = older
    counts = dict(zip(list(ERRORS)[:6], range(1, 7), strict=True))
    node.set_link(0, 5, **counts)
    node.set_link(0, 11, **counts)
    node.set_link(0, crc=ABSENT)

    found = values(nvlink_errors.FACILITY, gpu)

    del counts["crc"]
    assert found == {
        f"nvlink_errors{which}_total {kind}": count * links
        for kind, count in counts.items()
        for which, links in (("", 2), ("_worst", 1))
    }


def test_what_recoveries_came_to(newer: tuple[SimulatedNvml, Gpu]) -> None:
    node, gpu = newer
    node.set_link(0, 1, recovered=5, recovery_events=6)
    node.set_link(0, 2, recovered=2, recovery_failed=1, recovery_events=3)

    found = values(nvlink_errors.FACILITY, gpu)

    assert {name: value for name, value in found.items() if "recover" in name} == {
        "nvlink_recoveries_total successful": 7,
        "nvlink_recoveries_worst_total successful": 5,
        "nvlink_recoveries_total failed": 1,
        "nvlink_recoveries_worst_total failed": 1,
        "nvlink_recoveries_begun_total": 9,
    }


def test_the_worst_bit_error_ratio_is_that_of_a_link_that_is_up(
    newer: tuple[SimulatedNvml, Gpu],
) -> None:
    node, gpu = newer
    node.set_link(0, 1, symbol_ber=0x309, effective_ber=0x20F)
    node.set_link(0, 2, symbol_ber=0x108, raw_ber=0)
    node.set_link(0, 3, symbol_ber=0x101, state=0)

    found = values(nvlink_errors.FACILITY, gpu)

    assert found["nvlink_bit_error_worst_ratio symbol"] == pytest.approx(1e-8)
    assert found["nvlink_bit_error_worst_ratio effective"] == pytest.approx(2e-15)
    assert found["nvlink_bit_error_worst_ratio raw"] == pytest.approx(15e-255, rel=1e-9)


@pytest.mark.parametrize(
    ("told", "meant"), [(0, 0), (4095, 15e-255), (1000, 3e-232), (1025, 4e-1), (0x100, 1)]
)
def test_a_ratio_is_a_mantissa_and_an_exponent(told: int, meant: float) -> None:
    assert ratio(told) == pytest.approx(meant, rel=1e-9, abs=0)


@pytest.mark.parametrize("told", [0x800, 0x1000, 0xF00, -1, 2**32])
def test_what_is_no_ratio_is_unreadable(told: int) -> None:
    with pytest.raises(Unreadable, match="is no ratio"):
        ratio(told)


def test_how_near_correction_came_to_its_end(newer: tuple[SimulatedNvml, Gpu]) -> None:
    node, gpu = newer
    assert values(nvlink_errors.FACILITY, gpu)["nvlink_corrected_symbols_worst"] == 0

    node.set_link(0, 4, fec_0=10**9, fec_1=40, fec_9=1)

    assert values(nvlink_errors.FACILITY, gpu)["nvlink_corrected_symbols_worst"] == 9


def test_a_link_that_stops_telling_does_not_let_the_sum_fall(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set_link(0, replay=1, data_tx=1)
    node.set_link(0, 5, replay=100, data_tx=1000)
    before = values(nvlink_errors.FACILITY, gpu) | values(nvlink.FACILITY, gpu)

    node.set_link(0, 5, state=0, replay=ABSENT, data_tx=ABSENT)
    node.set_link(0, 6, replay=2)

    after = values(nvlink_errors.FACILITY, gpu) | values(nvlink.FACILITY, gpu)
    assert before["nvlink_errors_total replay"] == 117
    assert after["nvlink_errors_total replay"] == 118
    assert after["nvlink_errors_worst_total replay"] == 100
    assert after["nvlink_transmitted_bytes_total"] == before["nvlink_transmitted_bytes_total"]


def test_what_no_link_told_is_asked_for_again_when_links_come_up(
    node: SimulatedNvml, gpu: Gpu
) -> None:
    node.set_link(0, state=0, replay=ABSENT, recovery=ABSENT, crc=ABSENT)
    for _ in range(3):
        assert values(nvlink_errors.FACILITY, gpu) == {}

    node.set_link(0, state=1, replay=3, recovery=0, crc=0)

    values(nvlink_errors.FACILITY, gpu)
    assert values(nvlink_errors.FACILITY, gpu)["nvlink_errors_total replay"] == 18 * 3


def test_one_call_reads_what_all_links_tell(
    node: SimulatedNvml, gpu: Gpu, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        values(nvlink.FACILITY, gpu)
    asked: list[int] = []
    real = pynvml.nvmlDeviceGetFieldValues

    def counted(handle: object, fields: list[object]) -> object:
        asked.append(len(fields))
        return real(handle, fields)

    monkeypatch.setattr(pynvml, "nvmlDeviceGetFieldValues", counted)

    values(nvlink.FACILITY, gpu)
    run(nvlink_errors.FACILITY, [gpu])

    of_links = [count for count in asked if count > FEC_BINS and count % 18 == 0]
    assert of_links == [8 * 18]  # bytes 2, errors 3, state, speed, number at the other end


def test_states_are_told_by_drivers_that_lack_the_field(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set_link(0, state=ABSENT)

    found = values(nvlink.FACILITY, gpu)

    assert found["nvlink_links active"] == 18


def test_links_that_lead_nowhere_are_inactive_and_have_no_speed(
    node: SimulatedNvml, gpu: Gpu
) -> None:
    node.set_link(0, state=0, remote_type=ABSENT, speed=ABSENT)

    found = values(nvlink.FACILITY, gpu)

    assert found["nvlink_links inactive"] == 18
    assert found["nvlink_speed_bytes_per_second"] == 0
    assert not [name for name in found if name.startswith("nvlink_remotes")]


@pytest.mark.parametrize(
    ("values_", "lost", "kept"),
    [
        ({"speed": 10**9}, "nvlink_speed_bytes_per_second", "nvlink_transmitted_bytes_total"),
        ({"data_rx": 2**32 - 1}, "nvlink_received_bytes_total", "nvlink_transmitted_bytes_total"),
    ],
)
def test_nonsense_of_one_link_costs_the_series_it_would_have_been_in(
    values_: dict[str, int], lost: str, kept: str, node: SimulatedNvml, gpu: Gpu
) -> None:
    node.set_link(0, **values_)

    found = values(nvlink.FACILITY, gpu)

    assert lost not in found
    assert kept in found


def test_more_links_than_can_be_become_no_series(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set(0, nvlinks=1000)

    outcome = run(nvlink.FACILITY, [gpu])

    assert (outcome.state, outcome.samples) == (State.FAILED, ())
    assert outcome.problem == "1000 links cannot be"


@pytest.mark.parametrize("facility", FACILITIES)
@pytest.mark.parametrize("count", [0, ABSENT])
def test_a_card_without_links_is_absent(
    count: int, facility: Facility[Gpu], node: SimulatedNvml, gpu: Gpu
) -> None:
    node.set(0, nvlinks=count)

    outcome = run(facility, [gpu])

    assert (outcome.state, outcome.samples, outcome.problem) == (State.ABSENT, (), "")


@pytest.mark.parametrize("facility", FACILITIES)
def test_links_that_cannot_be_read_fail_by_name(
    facility: Facility[Gpu], node: SimulatedNvml, gpu: Gpu
) -> None:
    node.fail(0, call="nvmlDeviceGetFieldValues", error=999)

    outcome = run(facility, [gpu])

    assert (outcome.state, outcome.samples) == (State.FAILED, ())
    assert outcome.problem == "nvmlDeviceGetFieldValues: Unknown Error"


def of_link(gpu: Gpu, link: int) -> dict[str, float]:
    gpu.begin()
    return {
        " ".join((s.metric.name.removeprefix("railwatch_gpu_nvlink_link_"), *s.labels[3:])): s.value
        for s in run(nvlink_links.FACILITY, [gpu]).samples
        if s.labels[2] == str(link)
    }


def test_a_link_by_itself(newer: tuple[SimulatedNvml, Gpu]) -> None:
    node, gpu = newer
    node.set_link(0, 3, tx_bytes=5, rx_bytes=6, symbol=7, recovered=8, symbol_ber=0x509, fec_2=9)
    node.set_link(0, 3, raw_lane0=10, raw_lane1=11)

    found = of_link(gpu, 3)

    assert found["info switch 0000:08:00.0 9"] == 1
    assert found["state active"] == 1
    assert found["state inactive"] == found["state unknown"] == 0
    assert found["speed_bytes_per_second"] == 53_125_000_000
    assert found["transmitted_bytes_total"] == 5
    assert found["received_bytes_total"] == 6
    assert found["errors_total symbol"] == 7
    assert (found["errors_total raw_lane0"], found["errors_total raw_lane1"]) == (10, 11)
    assert found["recoveries_total successful"] == 8
    assert found["bit_error_ratio symbol"] == pytest.approx(5e-9)
    assert found["corrections_total 2"] == 9
    assert "errors_total replay" not in found


def test_a_link_that_cannot_be_read_costs_none_of_the_others(node: SimulatedNvml, gpu: Gpu) -> None:
    node.set_link(0, 3, speed=10**9, remote_bus=ABSENT, remote_link=ABSENT, data_tx=ABSENT)

    damaged, well = of_link(gpu, 3), of_link(gpu, 4)

    assert run(nvlink_links.FACILITY, [gpu]).state is State.FAILED
    assert "speed_bytes_per_second" not in damaged
    assert "transmitted_bytes_total" not in damaged
    assert damaged["info switch  "] == 1
    assert well["speed_bytes_per_second"] == 26_562_000_000


def test_each_link_is_off_unless_asked_for() -> None:
    assert [facility.on for facility in FACILITIES] == [True, True, False]
