from pathlib import Path

from tests.alerts.promtool import complaints, firing

NAME = "GpuMissing"
NODE = ['{node="n1"}']
WHERE = 'node="n1",family="gpu",facility="state"'
OBSERVED = {
    'up{job="railwatch-exporter",node="n1"}': "1x400",
    'railwatch_exporter_interval_seconds{node="n1"}': "5x400",
    f'railwatch_exporter_collector_state{{{WHERE},state="ok"}}': "1x400",
    f"railwatch_exporter_collector_age_seconds{{{WHERE}}}": "1x400",
}


def gpu(number: int, state: str) -> dict[str, str]:
    place = f'node="n1",gpu="{number}",uuid="GPU-{number}"'
    return {f'railwatch_gpu_state{{{place},state="{state}"}}': "1x400"}


def expected(count: int, source: str = "learned") -> dict[str, str]:
    return {f'railwatch_gpu_expected{{node="n1",source="{source}"}}': f"{count}x400"}


def test_its_rendered_unit_tests_pass(tmp_path: Path) -> None:
    assert complaints(tmp_path, NAME) == ""


def test_a_gpu_that_is_missing_by_name_is_missed(tmp_path: Path) -> None:
    series = OBSERVED | expected(2) | gpu(0, "ok") | gpu(1, "missing")

    assert firing(tmp_path, NAME, series, "30m", NODE) == ""


def test_a_node_without_any_gpu_left_is_missed_too(tmp_path: Path) -> None:
    assert firing(tmp_path, NAME, OBSERVED | expected(2), "30m", NODE) == ""


def test_one_that_is_lost_or_anothers_is_there(tmp_path: Path) -> None:
    series = OBSERVED | expected(2) | gpu(0, "lost") | gpu(1, "not_managed")

    assert firing(tmp_path, NAME, series, "30m", []) == ""


def test_nothing_is_missed_where_nobody_knows_how_many_there_should_be(tmp_path: Path) -> None:
    assert firing(tmp_path, NAME, OBSERVED | gpu(0, "ok"), "30m", []) == ""


def test_nothing_is_missed_by_a_collector_that_does_not_see(tmp_path: Path) -> None:
    blind = {name: "0x400" for name in OBSERVED if "state=" in name}

    assert firing(tmp_path, NAME, OBSERVED | blind | expected(2), "30m", []) == ""
