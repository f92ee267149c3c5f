"""gpu/modes: performance state, persistence mode, compute mode."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog import gpu_board
from exporters.errors import Absent, Unreadable
from exporters.facility import Facility

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporters.gpu.nvml import Gpu
    from exporters.sample import Sample

_SLOWEST = 15
_UNKNOWN = 32
"""NVML_PSTATE_15 and NVML_PSTATE_UNKNOWN."""


def performance(gpu: Gpu) -> Iterator[Sample]:
    """Yield the performance state; absent where the driver does not know it."""
    name = "nvmlDeviceGetPerformanceState"
    state = gpu.number(name, most=_UNKNOWN)
    if state == _UNKNOWN:
        raise Absent(f"{name}: unknown")
    if state > _SLOWEST:
        raise Unreadable(f"{name}: there is no state {state}")
    yield gpu.sample(gpu_board.GPU_PERFORMANCE_STATE, state)


def persistence(gpu: Gpu) -> Iterator[Sample]:
    """Yield whether the driver stays loaded."""
    mode = gpu.number("nvmlDeviceGetPersistenceMode")
    yield gpu.sample(gpu_board.GPU_PERSISTENCE_MODE, bool(mode))


def compute(gpu: Gpu) -> Iterator[Sample]:
    """Yield who may use the GPU."""
    modes = dict(enumerate(gpu_board.COMPUTE_MODES))
    mode = modes.get(gpu.number("nvmlDeviceGetComputeMode"), gpu_board.UNKNOWN_MODE)
    for one in gpu_board.GPU_COMPUTE_MODE.states:
        yield gpu.sample(gpu_board.GPU_COMPUTE_MODE, one == mode, one)


FACILITY = Facility(
    family="gpu",
    name="modes",
    reads="performance state, persistence mode, compute mode",
    readings=(performance, persistence, compute),
)
