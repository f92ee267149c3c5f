"""A GPU whose calls all come back, and bring nothing but errors: that is no GPU in order."""

import os
from collections.abc import Iterator
from unittest.mock import patch

import pynvml
import pytest

from exporters.errors import Unreadable
from exporters.facility import Outcome, State
from exporters.gpu.nvml import Gpu, Nvml
from exporters.gpu.worker import GpuSession
from exporters.settings import Settings
from testbed.nvml import SimulatedNvml
from tests.exporters.running import Scrape, exporter, hardware


@pytest.fixture
def node() -> Iterator[SimulatedNvml]:
    with SimulatedNvml(gpus=1) as made, patch.dict(os.environ, made.environment):
        yield made
        pynvml.nvmlShutdown()


def session(node: SimulatedNvml) -> GpuSession:
    return GpuSession(Settings(), Gpu(Nvml(str(node.library)).by_index(0), "/proc"))


@pytest.mark.parametrize(
    "error", [pynvml.NVML_ERROR_UNKNOWN, pynvml.NVML_ERROR_UNINITIALIZED, 12345]
)
def test_it_is_told_as_unreadable_after_all_that_failed(node: SimulatedNvml, error: int) -> None:
    asked = session(node)
    node.fail(0, error=error)
    told: list[Outcome] = []

    with pytest.raises(Unreadable, match=r"every reading failed, the first with nvml"):
        told.extend(asked.cycle())

    assert {one.state for one in told} >= {State.FAILED}
    assert not any(one.samples for one in told)


def test_one_that_tells_anything_at_all_answers(node: SimulatedNvml) -> None:
    asked = session(node)
    node.fail(0, call="nvmlDevice*Clock*", error=pynvml.NVML_ERROR_UNKNOWN)

    states = {one.facility: one.state for one in asked.cycle()}

    assert (states["clocks"], states["thermal"]) == (State.FAILED, State.OK)


@pytest.mark.parametrize(
    "error", [pynvml.NVML_ERROR_RESET_REQUIRED, pynvml.NVML_ERROR_NOT_SUPPORTED]
)
def test_one_that_wants_a_reset_or_has_nothing_of_all_that_answers(
    node: SimulatedNvml, error: int
) -> None:
    asked = session(node)
    node.fail(0, error=error)

    assert len(list(asked.cycle())) > 1


def test_the_driver_is_to_blame_where_every_gpu_is_such() -> None:
    def driver(scrape: Scrape) -> set[str]:
        told = scrape.all("railwatch_gpu_driver_state")
        return {one.labels["state"] for one in told if one.value}

    with hardware(2, ports=1) as machine, exporter(machine, interval="500ms") as running:
        well, broken = machine.nvml.uuid(0), machine.nvml.uuid(1)
        machine.nvml.fail(1, error=pynvml.NVML_ERROR_UNKNOWN)

        def one_is_unreadable(scrape: Scrape) -> None:
            assert (scrape.gpu_state(well), scrape.gpu_state(broken)) == ("ok", "unreadable")
            assert driver(scrape) == {"ok"}

        running.await_true(one_is_unreadable)

        machine.nvml.fail(error=pynvml.NVML_ERROR_UNKNOWN)
        running.await_scrape("a failing driver", lambda s: driver(s) == {"failing"})

        machine.nvml.recover(1)
        machine.nvml.recover()
        running.await_scrape(
            "both GPUs", lambda s: s.gpu_state(well) == s.gpu_state(broken) == "ok"
        )
