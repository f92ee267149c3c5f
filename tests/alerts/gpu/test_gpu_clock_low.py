from pathlib import Path

from tests.alerts.promtool import complaints, firing

NAME = "GpuClockLow"
SLOW = ['{node="n0", uuid="GPU-0"}']


def rank(number: int, clock: float, *, pod: str = "", busy: float = 0.9) -> dict[str, str]:
    """Return a GPU at this clock, held by a rank of one job."""
    node = f'node="n{number}"'
    gpu = f'{node},gpu="0",uuid="GPU-{number}"'
    holder = f'mig="",namespace="ml",pod="{pod or f"train-worker-{number}"}",container="c"'
    series = {
        f'up{{job="railwatch-exporter",{node}}}': "1x400",
        f"railwatch_exporter_interval_seconds{{{node}}}": "5x400",
        f'railwatch_gpu_clock_hertz{{{gpu},domain="sm"}}': f"{clock}x400",
        f"railwatch_gpu_utilization_ratio{{{gpu}}}": f"{busy}x400",
        f"railwatch_gpu_allocation{{{gpu},{holder}}}": "1x400",
    }
    for family, facility in (("gpu", "clocks"), ("allocation", "pods")):
        where = f'{node},family="{family}",facility="{facility}"'
        series[f'railwatch_exporter_collector_state{{{where},state="ok"}}'] = "1x400"
        series[f"railwatch_exporter_collector_age_seconds{{{where}}}"] = "1x400"
    return series


def job(*clocks: float) -> dict[str, str]:
    made: dict[str, str] = {}
    for number, clock in enumerate(clocks):
        made |= rank(number, clock)
    return made


def test_its_rendered_unit_tests_pass(tmp_path: Path) -> None:
    assert complaints(tmp_path, NAME) == ""


def test_one_slow_rank_among_its_peers_is_found(tmp_path: Path) -> None:
    assert firing(tmp_path, NAME, job(1.2e9, 1.9e9, 1.9e9, 1.9e9, 1.9e9), "30m", SLOW) == ""


def test_a_job_that_is_slow_as_a_whole_has_no_slow_rank(tmp_path: Path) -> None:
    assert firing(tmp_path, NAME, job(1.2e9, 1.2e9, 1.2e9, 1.2e9), "30m", []) == ""


def test_three_ranks_are_too_few_to_compare(tmp_path: Path) -> None:
    assert firing(tmp_path, NAME, job(1.2e9, 1.9e9, 1.9e9), "30m", []) == ""


def test_another_workload_is_no_peer(tmp_path: Path) -> None:
    series = rank(0, 1.2e9, pod="inference-0")
    for number in range(1, 5):
        series |= rank(number, 1.9e9)

    assert firing(tmp_path, NAME, series, "30m", []) == ""


def test_pods_of_an_indexed_job_are_peers_whatever_their_random_end(tmp_path: Path) -> None:
    series: dict[str, str] = {}
    for number, end in enumerate(("x7k2p", "qq81b", "m4n5z", "abcde", "k0k0k")):
        pod = f"train-{number}-{end}"
        series |= rank(number, 1.2e9 if number == 0 else 1.9e9, pod=pod)

    assert firing(tmp_path, NAME, series, "30m", SLOW) == ""


def test_an_idle_gpu_may_clock_down(tmp_path: Path) -> None:
    series = job(1.9e9, 1.9e9, 1.9e9, 1.9e9, 1.9e9) | rank(0, 0.3e9, busy=0.1)

    assert firing(tmp_path, NAME, series, "30m", []) == ""
