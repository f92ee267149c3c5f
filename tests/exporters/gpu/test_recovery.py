"""What the driver asks to be done."""

import pytest

from exporters.facility import State
from exporters.gpu import recovery
from exporters.gpu.nvml import Gpu
from exporters.runtime import run
from testbed.nvml import SimulatedNvml
from tests.exporters.gpu.readings import values


@pytest.mark.parametrize(
    ("number", "action"),
    [
        (0, "none"),
        (1, "gpu_reset"),
        (2, "node_reboot"),
        (3, "drain_p2p"),
        (4, "drain_and_reset"),
        (5, "unknown"),
        (6, "bus_reset"),
        (7, "system_reboot"),
        (8, "unknown"),
        (1 << 30, "unknown"),
    ],
)
def test_exactly_one_action_is_asked_for(
    number: int, action: str, node: SimulatedNvml, gpu: Gpu
) -> None:
    node.set(0, recovery_action=number)

    found = values(recovery.FACILITY, gpu)

    assert len(found) == 8
    assert [name for name, value in found.items() if value] == [f"recovery_action {action}"]


def test_a_driver_that_asks_for_nothing_of_the_kind_has_no_series(
    node: SimulatedNvml, gpu: Gpu
) -> None:
    node.set(0, recovery_action=-1)

    assert run(recovery.FACILITY, [gpu]).state is State.ABSENT
