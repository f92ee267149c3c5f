from pathlib import Path

from tests.alerts.promtool import complaints, firing


def test_its_rendered_unit_tests_pass(tmp_path: Path) -> None:
    assert complaints(tmp_path, "GpuPcieErrors") == ""


def test_it_remembers_an_uncorrected_error_for_as_long_as_the_soak(tmp_path: Path) -> None:
    """Not every card tells of them, so that the proof, which reads replays, cannot."""
    at = 'node="n1",gpu="0",uuid="U"'
    series = {
        f"railwatch_gpu_pcie_replays_total{{{at}}}": "0x400",
        f'railwatch_gpu_pcie_errors_total{{{at},kind="fatal"}}': "0x20 1x380",
    }
    fires = ['{node="n1",uuid="U"}']

    for when, expected in (("5m", []), ("10m", fires), ("1h", fires), ("1h30m", [])):
        assert firing(tmp_path, "GpuPcieErrors", series, when, expected) == "", when
