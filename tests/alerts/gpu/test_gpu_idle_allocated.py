from pathlib import Path

from tests.alerts.promtool import complaints, firing


def test_its_rendered_unit_tests_pass(tmp_path: Path) -> None:
    assert complaints(tmp_path, "GpuIdleAllocated") == ""


def test_a_pod_that_has_just_got_an_idle_gpu_is_not_blamed_for_what_was_before(
    tmp_path: Path,
) -> None:
    at = 'node="n1",gpu="0",uuid="U"'
    series = {
        f'railwatch_gpu_allocation{{{at},mig="",namespace="ml",pod="old",container="c"}}': (
            "1x239 stale"
        ),
        f'railwatch_gpu_allocation{{{at},mig="",namespace="ml",pod="new",container="c"}}': (
            "_x240 1x400"
        ),
        f"railwatch_gpu_utilization_ratio{{{at}}}": "0x640",
        f"railwatch_gpu_memory_used_bytes{{{at}}}": "1e9x640",
    }

    for when, expected in (("1h5m", []), ("1h30m", []), ("2h10m", ['{node="n1",uuid="U"}'])):
        assert firing(tmp_path, "GpuIdleAllocated", series, when, expected) == "", when
