"""The processes that hold a context on a GPU, or on one of its MIG devices."""

from dataclasses import dataclass
from typing import Any

from exporters.gpu.nvml.calls import call


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process by its number in the node's PID namespace; memory in bytes, None if not told."""

    pid: int
    memory: int | None


def processes(name: str, handle: Any) -> tuple[Process, ...]:
    """Return the processes that a function of pynvml lists."""
    return tuple(Process(pid=one.pid, memory=one.usedGpuMemory) for one in call(name, handle))
