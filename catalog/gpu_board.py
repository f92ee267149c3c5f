"""Metrics of a GPU's board: more temperatures, fans, modes."""

from catalog.gpu import DEVICE
from catalog.metrics import Metric, gauge

GPU_MEMORY_TEMPERATURE = gauge(
    "railwatch_gpu_memory_temperature_celsius",
    "Temperature of the GPU's memory.",
    labels=DEVICE,
    unit="celsius",
    source="field NVML_FI_DEV_MEMORY_TEMP",
)
GPU_TEMPERATURE_THRESHOLD = gauge(
    "railwatch_gpu_temperature_threshold_celsius",
    "Temperature from which the GPU shuts down (shutdown), halves its clocks (slowdown), slows "
    "down for its memory (memory_max) or goes below its base clock (gpu_max). Newer GPUs tell "
    "margins in its place.",
    labels=(*DEVICE, "threshold"),
    unit="celsius",
    source="nvmlDeviceGetTemperatureThreshold",
)
GPU_TEMPERATURE_MARGIN = gauge(
    "railwatch_gpu_temperature_margin_celsius",
    "How much hotter the GPU may become before it slows down (T.Limit); below zero it has.",
    labels=DEVICE,
    unit="celsius",
    source="nvmlDeviceGetMarginTemperature",
)
GPU_TEMPERATURE_MARGIN_THRESHOLD = gauge(
    "railwatch_gpu_temperature_margin_threshold_celsius",
    "Margin from which on the GPU shuts down (shutdown), halves its clocks (slowdown), slows down "
    "for its memory (memory_max) or goes below its base clock (gpu_max).",
    labels=(*DEVICE, "threshold"),
    unit="celsius",
    source="fields NVML_FI_DEV_TEMPERATURE_*_TLIMIT",
)
GPU_FAN_SPEED = gauge(
    "railwatch_gpu_fan_speed_ratio",
    "Speed that a fan is told to run at, as a share of its maximum; it may exceed 1.",
    labels=(*DEVICE, "fan"),
    unit="ratio",
    source="nvmlDeviceGetFanSpeed_v2 (percent)",
)
GPU_PERFORMANCE_STATE = gauge(
    "railwatch_gpu_performance_state",
    "Performance state: 0 is the fastest, 15 the slowest.",
    labels=DEVICE,
    source="nvmlDeviceGetPerformanceState",
)
GPU_PERSISTENCE_MODE = gauge(
    "railwatch_gpu_persistence_mode",
    "1 where the driver stays loaded while nobody uses the GPU.",
    labels=DEVICE,
    source="nvmlDeviceGetPersistenceMode",
)

COMPUTE_MODES = ("default", "exclusive_thread", "prohibited", "exclusive_process")
"""nvmlComputeMode_t, from 0 on."""

UNKNOWN_MODE = "unknown"

GPU_COMPUTE_MODE = gauge(
    "railwatch_gpu_compute_mode",
    "1 for who may use the GPU (default: any number of processes), 0 for every other mode.",
    labels=(*DEVICE, "state"),
    source="nvmlDeviceGetComputeMode",
    states=(*COMPUTE_MODES, UNKNOWN_MODE),
)

METRICS: tuple[Metric, ...] = (
    GPU_MEMORY_TEMPERATURE,
    GPU_TEMPERATURE_THRESHOLD,
    GPU_TEMPERATURE_MARGIN,
    GPU_TEMPERATURE_MARGIN_THRESHOLD,
    GPU_FAN_SPEED,
    GPU_PERFORMANCE_STATE,
    GPU_PERSISTENCE_MODE,
    GPU_COMPUTE_MODE,
)
