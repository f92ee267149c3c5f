import ctypes
from collections.abc import Callable, Iterator

import pynvml
import pytest

from testbed.nvml import SimulatedNvml
from tests.testbed.nvml.reading import Reader


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedNvml]:
    """A node whose library this process has loaded by its path, as the exporter does."""
    with SimulatedNvml(gpus=8) as simulated:
        for name, value in simulated.environment.items():
            monkeypatch.setenv(name, value)
        ctypes.CDLL(str(simulated.library))
        pynvml.nvmlInit()
        yield simulated
        pynvml.nvmlShutdown()


@pytest.fixture
def reader(nvml: SimulatedNvml) -> Iterator[Callable[[str], Reader]]:
    """Start programs; those still running at the end are killed."""
    started: list[Reader] = []

    def start(script: str) -> Reader:
        started.append(Reader(nvml, script))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.communicate()
