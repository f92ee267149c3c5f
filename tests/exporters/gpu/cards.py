"""Opening one card of any profile, as a worker does."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import pynvml

from exporters.gpu.nvml import Gpu, Nvml
from testbed.nvml import SimulatedNvml
from testbed.nvml.parts import COMPUTE, NO_INSTANCE, Process


@contextmanager
def opened(profile: str, *, gpus: int = 1) -> Iterator[tuple[SimulatedNvml, Gpu]]:
    """Yield a node of such cards, and its first one."""
    with (
        SimulatedNvml(gpus=gpus, profile=profile) as node,
        patch.dict(os.environ, node.environment),
    ):
        yield node, Gpu(Nvml(str(node.library)).by_index(0), "/proc")
        pynvml.nvmlShutdown()


def process(
    pid: int,
    memory: int = 0,
    *,
    kind: int = COMPUTE,
    instance: tuple[int, int] = (NO_INSTANCE, NO_INSTANCE),
) -> Process:
    """Return a process, on the GPU and compute instance of these numbers."""
    gpu_instance, compute_instance = instance
    return Process(
        kind=kind,
        pid=pid,
        memory=memory,
        gpu_instance=gpu_instance,
        compute_instance=compute_instance,
    )
