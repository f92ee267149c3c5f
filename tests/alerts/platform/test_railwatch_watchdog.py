from pathlib import Path

from tests.alerts.promtool import alert, complaints

NAME = "RailwatchWatchdog"


def test_its_rendered_unit_tests_pass(tmp_path: Path) -> None:
    assert complaints(tmp_path, NAME) == ""


def test_it_is_judged_by_prometheus_alone() -> None:
    assert alert(NAME).expr == "vector(1)"
