"""Metrics of MIG: whether a GPU is divided, into what, and each part's memory.

`mig` is the uuid of a MIG device, as device plugins and CUDA name it. A metric that a whole GPU has
as well carries the label too, empty there, so that one join finds both. Memory has names of its
own: a divided GPU goes on telling the whole's, and a sum must not count both.
"""

from catalog.gpu import DEVICE
from catalog.metrics import Metric, gauge

INSTANCE = (*DEVICE, "mig")

GPU_MIG_MODE = gauge(
    "railwatch_gpu_mig_mode",
    "1 where the GPU is in MIG mode. It then tells no utilisation; its MIG devices may (GPM).",
    labels=DEVICE,
    source="nvmlDeviceGetMigMode: currentMode",
)
GPU_MIG_MODE_PENDING = gauge(
    "railwatch_gpu_mig_mode_pending",
    "1 where the GPU will be in MIG mode after its next reset.",
    labels=DEVICE,
    source="nvmlDeviceGetMigMode: pendingMode",
)
GPU_MIG_INFO = gauge(
    "railwatch_gpu_mig_info",
    "A MIG device: its GPU instance, its compute instance, and its profile (1g.10gb) where the "
    "driver names it; always 1.",
    labels=(*INSTANCE, "gpu_instance", "compute_instance", "profile"),
    source="nvmlDeviceGetMigDeviceHandleByIndex; GetGpuInstanceId, GetComputeInstanceId, GetName",
)
GPU_MIG_MEMORY_CAPACITY = gauge(
    "railwatch_gpu_mig_memory_capacity_bytes",
    "Framebuffer memory of a MIG device.",
    labels=INSTANCE,
    unit="bytes",
    source="nvmlDeviceGetMemoryInfo_v2 of the MIG device: total",
)
GPU_MIG_MEMORY_USED = gauge(
    "railwatch_gpu_mig_memory_used_bytes",
    "Framebuffer memory of a MIG device that is allocated by processes.",
    labels=INSTANCE,
    unit="bytes",
    source="nvmlDeviceGetMemoryInfo_v2 of the MIG device: used",
)
GPU_MIG_MEMORY_FREE = gauge(
    "railwatch_gpu_mig_memory_free_bytes",
    "Framebuffer memory of a MIG device that is free.",
    labels=INSTANCE,
    unit="bytes",
    source="nvmlDeviceGetMemoryInfo_v2 of the MIG device: free",
)

METRICS: tuple[Metric, ...] = (
    GPU_MIG_MODE,
    GPU_MIG_MODE_PENDING,
    GPU_MIG_INFO,
    GPU_MIG_MEMORY_CAPACITY,
    GPU_MIG_MEMORY_USED,
    GPU_MIG_MEMORY_FREE,
)
