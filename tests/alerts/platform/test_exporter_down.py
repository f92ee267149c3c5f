from pathlib import Path

from alerts.rules import alert_labels
from tests.alerts.promtool import alert, complaints, firing

NAME = "ExporterDown"
UP = 'up{job="railwatch-exporter",node="n1"}'


def test_its_rendered_unit_tests_pass(tmp_path: Path) -> None:
    assert complaints(tmp_path, NAME) == ""


def test_the_bridge_has_nothing_to_act_on() -> None:
    assert alert_labels(alert(NAME)) == {"severity": "warning"}


def test_another_jobs_target_is_not_an_exporter(tmp_path: Path) -> None:
    other = {'up{job="node-exporter",node="n1"}': "0x400"}

    assert firing(tmp_path, NAME, other, "30m", []) == ""


def test_a_vanished_target_is_missed_for_an_hour(tmp_path: Path) -> None:
    series = {UP: "1x39 stale _x500"}

    assert firing(tmp_path, NAME, series, "20m", ['{node="n1"}']) == ""
    assert firing(tmp_path, NAME, series, "1h15m", []) == ""


def test_a_second_target_that_answers_is_enough(tmp_path: Path) -> None:
    second = 'up{job="railwatch-exporter",node="n1",instance="other"}'

    assert firing(tmp_path, NAME, {UP: "0x400", second: "1x400"}, "30m", []) == ""
