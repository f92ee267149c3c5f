from pathlib import Path

import pytest

from catalog.faults import Recovery
from tests.alerts.promtool import alert, complaints, firing, proven

NAME = "GpuMemoryUncorrectable"
GPU = 'node="n1",gpu="3",uuid="GPU-3"'
DEVICE = '{node="n1", uuid="GPU-3"}'
WATCHED = {'up{job="railwatch-exporter",node="n1"}': "1x400"} | {
    f'railwatch:observed{{node="n1",family="gpu",facility="{facility}"}}': "1x400"
    for facility in ("state", "xid", "ecc")
}
OK = {f'railwatch_gpu_state{{{GPU},state="ok"}}': "1x400"}


def xids(**seen: str) -> dict[str, str]:
    codes = {"x48": "0x400", "x64": "0x400", "x95": "0x400"} | seen
    return {
        f'railwatch_gpu_xid_last_timestamp_seconds{{{GPU},xid="{code[1:]}"}}': values
        for code, values in codes.items()
    }


def uncorrected(count: str) -> dict[str, str]:
    return {f'railwatch_gpu_ecc_errors_total{{{GPU},kind="uncorrected"}}': count}


def reset(at: str) -> dict[str, str]:
    return {f"railwatch_gpu_reset_timestamp_seconds{{{GPU}}}": at}


def test_its_rendered_unit_tests_pass(tmp_path: Path) -> None:
    assert complaints(tmp_path, NAME) == ""


def test_it_demands_a_reset() -> None:
    fault = alert(NAME).fault

    assert fault
    assert fault.recovery is Recovery.RESET


@pytest.mark.parametrize("code", ["x48", "x64", "x95"])
def test_each_of_its_xids_fires_until_the_reset(tmp_path: Path, code: str) -> None:
    series = OK | xids(**{code: "150x400"}) | uncorrected("0x400") | reset("1x39 600x360")

    assert firing(tmp_path, NAME, series, "9m", ['{node="n1", uuid="GPU-3"}']) == ""
    assert firing(tmp_path, NAME, series, "11m", []) == ""


def test_a_contained_error_does_not_fire_by_its_xid(tmp_path: Path) -> None:
    series = OK | xids(x94="150x400") | uncorrected("0x400") | reset("1x400")

    assert firing(tmp_path, NAME, series, "10m", []) == ""


def test_corrected_errors_do_not_fire(tmp_path: Path) -> None:
    corrected = {f'railwatch_gpu_ecc_errors_total{{{GPU},kind="corrected"}}': "0+9x400"}
    series = OK | xids() | uncorrected("0x400") | corrected | reset("1x400")

    assert firing(tmp_path, NAME, series, "10m", []) == ""


def test_no_series_of_one_of_the_xids_proves_nothing(tmp_path: Path) -> None:
    series = OK | xids(x64="_x400") | uncorrected("0x400") | reset("1x400") | WATCHED

    assert proven(tmp_path, NAME, series, "30m", []) == ""


def test_a_gpu_without_ecc_proves_nothing(tmp_path: Path) -> None:
    assert proven(tmp_path, NAME, OK | xids() | reset("1x400") | WATCHED, "30m", []) == ""


def test_errors_still_counted_after_the_reset_void_the_proof(tmp_path: Path) -> None:
    series = OK | xids(x95="5x400") | reset("1x39 600x360") | WATCHED

    assert proven(tmp_path, NAME, series | uncorrected("1x400"), "30m", []) == ""
    assert proven(tmp_path, NAME, series | uncorrected("1x39 0x360"), "30m", [DEVICE]) == ""
