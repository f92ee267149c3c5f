from pathlib import Path

from tests.alerts.promtool import complaints, firing

NAME = "UplinkDown"
LINE = ['{line="dc1"}']


def probes(**answered: str) -> dict[str, str]:
    """Return the probes of one node to these peers, and its collector, which works."""
    where = 'node="n1",family="uplink",facility="tcp_probes"'
    series = {
        'up{job="railwatch-exporter",node="n1"}': "1x400",
        'railwatch_exporter_interval_seconds{node="n1"}': "5x400",
        f'railwatch_exporter_collector_state{{{where},state="ok"}}': "1x400",
        f"railwatch_exporter_collector_age_seconds{{{where}}}": "1x400",
    }
    for peer, values in answered.items():
        labels = f'node="n1",line="dc1",peer="{peer}",kind="tcp"'
        series[f"railwatch_uplink_probe_success{{{labels}}}"] = values
    return series


def test_its_rendered_unit_tests_pass(tmp_path: Path) -> None:
    assert complaints(tmp_path, NAME) == ""


def test_a_line_is_down_when_no_peer_answers(tmp_path: Path) -> None:
    assert firing(tmp_path, NAME, probes(a="0x400", b="0x400"), "10m", LINE) == ""


def test_one_peer_that_answers_is_enough(tmp_path: Path) -> None:
    assert firing(tmp_path, NAME, probes(a="0x400", b="1x400"), "10m", []) == ""


def test_a_single_peer_that_reboots_is_no_outage(tmp_path: Path) -> None:
    assert firing(tmp_path, NAME, probes(a="0x400"), "10m", []) == ""
