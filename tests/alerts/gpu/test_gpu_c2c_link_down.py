from pathlib import Path

from tests.alerts.promtool import complaints, proven


def test_its_rendered_unit_tests_pass(tmp_path: Path) -> None:
    assert complaints(tmp_path, "GpuC2cLinkDown") == ""


def test_a_link_of_unknown_state_is_not_proven(tmp_path: Path) -> None:
    at = 'node="n1",gpu="0",uuid="U"'
    facility = 'node="n1",family="gpu",facility="c2c"'
    known = {
        f'railwatch_gpu_c2c_links{{{at},state="inactive"}}': "0x100",
        f'railwatch_exporter_collector_state{{{facility},state="ok"}}': "1x100",
        f"railwatch_exporter_collector_age_seconds{{{facility}}}": "1x100",
        'railwatch_exporter_interval_seconds{node="n1"}': "5x100",
        'up{node="n1",job="railwatch-exporter"}': "1x100",
    }
    unknown = f'railwatch_gpu_c2c_links{{{at},state="unknown"}}'

    well = proven(
        tmp_path / "a",
        "GpuC2cLinkDown",
        {**known, unknown: "0x100"},
        "20m",
        ['{node="n1",uuid="U"}'],
    )
    untold = proven(tmp_path / "b", "GpuC2cLinkDown", {**known, unknown: "1x100"}, "20m", [])

    assert well == ""
    assert untold == ""
