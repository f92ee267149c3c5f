"""Metrics of the processes on a GPU; `mig` is empty where it is not divided."""

from catalog.gpu_mig import INSTANCE
from catalog.metrics import Metric, gauge

_CALLS = "nvmlDeviceGetComputeRunningProcesses, GetGraphicsRunningProcesses, GetMPSCompute…"

GPU_PROCESSES = gauge(
    "railwatch_gpu_processes",
    "Processes that hold a context, by type (compute, graphics, mps); one may hold several types.",
    labels=(*INSTANCE, "type"),
    source=_CALLS,
)
GPU_PROCESS_MEMORY = gauge(
    "railwatch_gpu_process_memory_bytes",
    "Framebuffer memory of a process, by its number in the driver's (the node's) PID namespace; "
    "none where the driver does not tell it. Off by default: processes come and go.",
    labels=(*INSTANCE, "pid"),
    unit="bytes",
    source=f"{_CALLS}: usedGpuMemory",
)

METRICS: tuple[Metric, ...] = (GPU_PROCESSES, GPU_PROCESS_MEMORY)
