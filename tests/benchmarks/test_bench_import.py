"""What the exporter's imports cost, as a program; beside it the start of Python alone."""

import subprocess
import sys

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

pytestmark = pytest.mark.benchmark(group="import the exporter (at most 0.3 s)")

ROUNDS = 10


def test_bench_import(benchmark: BenchmarkFixture) -> None:
    words = [sys.executable, "-c", "import exporters.__main__, sys; print(len(sys.modules))"]

    said = benchmark.pedantic(  # type: ignore[no-untyped-call] # its stubs
        subprocess.check_output, (words,), rounds=ROUNDS
    )

    assert int(said) > 100


def test_bench_python_alone(benchmark: BenchmarkFixture) -> None:
    words = [sys.executable, "-c", "import sys; print(len(sys.modules))"]

    said = benchmark.pedantic(  # type: ignore[no-untyped-call] # its stubs
        subprocess.check_output, (words,), rounds=ROUNDS
    )

    assert int(said) > 10
