"""Figures of render.toml reach the rules as they were written, and the rendered tests with them."""

import subprocess
from pathlib import Path

import yaml

from render.settings import load
from render.tree import files
from render.writing import write
from testbed.tools import ensure

TEXT = """
[prices]
"a3-highgpu-8g" = 11.061250015

[slo]
goodput = 0.99995

[alerts.GpuIdleAllocated.thresholds]
busy = 0.012345678
"""


def test_many_digits_are_kept_and_keep_the_unit_tests_passing(tmp_path: Path) -> None:
    config = tmp_path / "render.toml"
    config.write_text(TEXT, encoding="utf-8")
    write(tmp_path / "out", files(load(config)))
    rules = tmp_path / "out/prometheus/rules"

    def expressions(name: str) -> str:
        (group,) = yaml.safe_load((rules / name).read_text(encoding="utf-8"))["groups"]
        return "\n".join(rule["expr"] for rule in group["rules"])

    assert "vector(11.061250015)" in expressions("global/recording_cost.yaml")
    assert "/ 5e-05" in expressions("global/recording_slo.yaml")
    assert "0.012345678" in expressions("shard/gpu_idle_allocated.yaml")
    tests = [f"{stem}.yaml" for stem in ("recording_cost", "recording_slo", "gpu_idle_allocated")]
    done = subprocess.run(
        [ensure("promtool")["promtool"], "test", "rules", *tests],
        cwd=tmp_path / "out/prometheus/tests",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
