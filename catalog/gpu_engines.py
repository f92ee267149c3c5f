"""Metrics of a GPU's media engines, and of its memory as the PCIe bus sees it."""

from catalog.gpu import DEVICE
from catalog.metrics import Metric, gauge

GPU_ENGINE_UTILIZATION = gauge(
    "railwatch_gpu_engine_utilization_ratio",
    "Share of the last sample period in which an engine worked (encoder, decoder, jpeg, ofa: "
    "optical flow), 0 to 1.",
    labels=(*DEVICE, "engine"),
    unit="ratio",
    source="nvmlDeviceGetEncoderUtilization, GetDecoderUtilization, GetJpgUtilization, "
    "GetOfaUtilization (percent)",
)

_BAR1 = "nvmlDeviceGetBAR1MemoryInfo"

GPU_BAR1_CAPACITY = gauge(
    "railwatch_gpu_bar1_capacity_bytes",
    "Window through which CPU and other PCIe devices reach the GPU's memory (BAR1).",
    labels=DEVICE,
    unit="bytes",
    source=f"{_BAR1}: bar1Total",
)
GPU_BAR1_USED = gauge(
    "railwatch_gpu_bar1_used_bytes",
    "Part of the window that is mapped.",
    labels=DEVICE,
    unit="bytes",
    source=f"{_BAR1}: bar1Used",
)
GPU_BAR1_FREE = gauge(
    "railwatch_gpu_bar1_free_bytes",
    "Part of the window that is free.",
    labels=DEVICE,
    unit="bytes",
    source=f"{_BAR1}: bar1Free",
)

METRICS: tuple[Metric, ...] = (
    GPU_ENGINE_UTILIZATION,
    GPU_BAR1_CAPACITY,
    GPU_BAR1_USED,
    GPU_BAR1_FREE,
)
