import dataclasses
from datetime import timedelta
from pathlib import Path

from alerts.tuning import AlertSettings
from render.settings import Settings
from tests.alerts.promtool import complaints, firing, proven

NAME = "RdmaLinkFlapping"
PORT = 'node="n1",device="mlx5_0",port="1"'
DEVICE = '{node="n1", guid="0xa"}'
WATCHED = {'up{job="railwatch-exporter",node="n1"}': "1x900"} | {
    f'railwatch:observed{{node="n1",family="rdma",facility="{facility}"}}': "1x900"
    for facility in ("port", "counters")
}


def port(downed: str, state: str = "4x900") -> dict[str, str]:
    return {
        f'railwatch_rdma_port_info{{{PORT},guid="0xa"}}': "1x900",
        f"railwatch_rdma_port_state{{{PORT}}}": state,
        f"railwatch_rdma_port_link_downed_total{{{PORT}}}": downed,
    }


def test_its_rendered_unit_tests_pass(tmp_path: Path) -> None:
    assert complaints(tmp_path, NAME) == ""


def test_its_unit_tests_follow_the_thresholds(tmp_path: Path) -> None:
    changed = AlertSettings(thresholds={"times": 7.0, "window": timedelta(minutes=30)})
    settings = dataclasses.replace(Settings(), alerts={NAME: changed})

    assert complaints(tmp_path, NAME, settings) == ""


def test_three_losses_spread_over_the_hour_fire(tmp_path: Path) -> None:
    series = port("20x239 21x79 22x79 23x79")

    assert firing(tmp_path, NAME, series, "1h59m", ['{node="n1", guid="0xa"}']) == ""


def test_it_goes_on_firing_while_the_losses_may_come_back(tmp_path: Path) -> None:
    series = port("20x239 23x600")

    assert firing(tmp_path, NAME, series, "2h5m", ['{node="n1", guid="0xa"}']) == ""
    assert firing(tmp_path, NAME, series, "2h20m", []) == ""


def test_a_counter_cleared_by_a_reboot_does_not_fire(tmp_path: Path) -> None:
    assert firing(tmp_path, NAME, port("200x239 1x600"), "1h30m", []) == ""


def test_a_counter_at_its_ceiling_proves_nothing(tmp_path: Path) -> None:
    assert proven(tmp_path, NAME, port("254x900") | WATCHED, "2h", [DEVICE]) == ""
    assert proven(tmp_path, NAME, port("255x900") | WATCHED, "2h", []) == ""


def test_a_port_that_is_down_does_not_prove_that_it_no_longer_flaps(tmp_path: Path) -> None:
    assert proven(tmp_path, NAME, port("7x900", state="1x900") | WATCHED, "2h", []) == ""
