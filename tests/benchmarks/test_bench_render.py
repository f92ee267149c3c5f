"""What a render of everything costs, as a program; beside it the start of Python with imports."""

import subprocess
import sys
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

pytestmark = pytest.mark.benchmark(group="render everything (at most 3 s)")

ROUNDS = 5


def test_bench_render(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    names = iter(range(ROUNDS))

    def render() -> Path:
        out = tmp_path / str(next(names))
        subprocess.run([sys.executable, "-m", "render", out], check=True, capture_output=True)
        return out

    written = benchmark.pedantic(render, rounds=ROUNDS)  # type: ignore[no-untyped-call] # its stubs

    assert (written / ".railwatch-manifest").is_file()


def test_bench_its_imports_alone(benchmark: BenchmarkFixture) -> None:
    words = [sys.executable, "-m", "render", "--version"]

    said = benchmark.pedantic(  # type: ignore[no-untyped-call] # its stubs
        subprocess.check_output, (words,), rounds=ROUNDS
    )

    assert said.startswith(b"railwatch-render ")
