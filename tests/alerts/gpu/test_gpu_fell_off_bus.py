from pathlib import Path

from catalog.faults import Recovery
from tests.alerts.promtool import alert, complaints, firing, proven

NAME = "GpuFellOffBus"
GPU = 'node="n1",gpu="3",uuid="GPU-3"'
DEVICE = '{node="n1", uuid="GPU-3"}'
UP = {'up{job="railwatch-exporter",node="n1"}': "1x400"}
OBSERVED = {
    f'railwatch:observed{{node="n1",family="{family}",facility="{facility}"}}': "1x400"
    for family, facility in (("gpu", "state"), ("gpu", "xid"), ("node", "boot"))
}


def state(ok: str, lost: str = "0x400") -> dict[str, str]:
    return {
        f'railwatch_gpu_state{{{GPU},state="ok"}}': ok,
        f'railwatch_gpu_state{{{GPU},state="lost"}}': lost,
    }


def xid(code: int, seen: str) -> dict[str, str]:
    return {f'railwatch_gpu_xid_last_timestamp_seconds{{{GPU},xid="{code}"}}': seen}


def booted(at: str) -> dict[str, str]:
    return {'railwatch_node_boot_time_seconds{node="n1"}': at}


def test_its_rendered_unit_tests_pass(tmp_path: Path) -> None:
    assert complaints(tmp_path, NAME) == ""


def test_it_demands_a_reboot() -> None:
    fault = alert(NAME).fault

    assert fault
    assert fault.recovery is Recovery.REBOOT


def test_it_fires_from_the_xid_until_the_reboot(tmp_path: Path) -> None:
    series = state("1x400") | xid(79, "0x9 150x390") | booted("1x39 600x360")

    assert firing(tmp_path, NAME, series, "9m30s", ['{node="n1", uuid="GPU-3"}']) == ""
    assert firing(tmp_path, NAME, series, "10m30s", []) == ""


def test_one_gpu_that_is_lost_and_logged_is_one_alert(tmp_path: Path) -> None:
    series = state("0x400", "1x400") | xid(79, "150x400") | booted("1x400")

    assert firing(tmp_path, NAME, series, "5m", ['{node="n1", uuid="GPU-3"}']) == ""


def test_another_xid_is_another_fault(tmp_path: Path) -> None:
    series = state("1x400") | xid(79, "0x400") | xid(31, "150x400") | booted("1x400")

    assert firing(tmp_path, NAME, series, "10m", []) == ""


def test_an_exporter_that_came_back_does_not_fire_an_xid_of_before_the_boot(tmp_path: Path) -> None:
    series = state("_x40 1x300") | xid(79, "_x40 50x300") | booted("_x40 100x300")

    assert firing(tmp_path, NAME, series, "10m", []) == ""


def test_two_boot_times_in_the_look_back_fail_no_rule(tmp_path: Path) -> None:
    """A Prometheus restart leaves the last samples of a former target without a stale marker."""
    former = {'railwatch_node_boot_time_seconds{node="n1",instance="before"}': "1x18"}
    series = state("1x400") | xid(79, "0x9 150x390") | booted("1x400") | former

    assert firing(tmp_path, NAME, series, "6m", ['{node="n1", uuid="GPU-3"}']) == ""


def test_a_gpu_that_answers_again_is_not_proven_before_the_reboot(tmp_path: Path) -> None:
    series = state("1x400") | xid(79, "5x400") | booted("1x400") | UP | OBSERVED

    assert proven(tmp_path, NAME, series, "50m", []) == ""


def test_the_soak_begins_with_the_reboot(tmp_path: Path) -> None:
    series = state("1x400") | xid(79, "5x400") | booted("1x39 1200x360") | UP | OBSERVED

    assert proven(tmp_path, NAME, series, "29m45s", []) == ""
    assert proven(tmp_path, NAME, series, "30m", [DEVICE]) == ""


def test_without_the_xid_series_nothing_is_proven(tmp_path: Path) -> None:
    series = state("1x400") | booted("1x400") | UP | OBSERVED

    assert proven(tmp_path, NAME, series, "50m", []) == ""


def test_what_is_not_observed_all_along_is_not_proven(tmp_path: Path) -> None:
    blind = {name: "1x180 0x10 1x300" for name in OBSERVED if "xid" in name}
    series = state("1x400") | xid(79, "0x400") | booted("1x400") | UP | OBSERVED | blind

    assert proven(tmp_path, NAME, series, "50m", []) == ""
    assert proven(tmp_path, NAME, series, "60m", [DEVICE]) == ""
