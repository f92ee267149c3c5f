from collections.abc import Iterator

import pynvml
import pytest

from exporters.gpu.nvml import Gpu, Nvml
from testbed.nvml import SimulatedNvml


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedNvml]:
    with SimulatedNvml(gpus=2) as nvml:
        for name, value in nvml.environment.items():
            monkeypatch.setenv(name, value)
        yield nvml


@pytest.fixture
def library(node: SimulatedNvml) -> Iterator[Nvml]:
    yield Nvml(str(node.library))
    pynvml.nvmlShutdown()


@pytest.fixture
def gpu(library: Nvml) -> Gpu:
    return Gpu(library.by_index(0), "/proc")
