"""gpu/process_memory: the memory of each process; off by default, as processes come and go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.gpu_processes import GPU_PROCESS_MEMORY
from exporters.errors import Unreadable
from exporters.facility import Facility
from exporters.gpu.processes import memory_of_each

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporters.gpu.nvml import Gpu
    from exporters.sample import Sample


def memory(gpu: Gpu) -> Iterator[Sample]:
    """Yield the memory by process, where it is one that the card has."""
    capacity = gpu.memory().total
    for (uuid, pid), amount in memory_of_each(gpu).items():
        if amount > capacity:
            raise Unreadable(f"process {pid}: {amount} bytes of {capacity}")
        yield gpu.sample(GPU_PROCESS_MEMORY, amount, uuid, str(pid))


FACILITY = Facility(
    family="gpu",
    name="process_memory",
    reads="GPU memory of each process, by PID",
    readings=(memory,),
    on=False,
)
