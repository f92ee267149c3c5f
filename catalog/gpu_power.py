"""Metrics of a GPU's power beyond its draw and the limit in force, and of its firmware."""

from catalog.gpu import DEVICE
from catalog.metrics import Metric, gauge

GPU_POWER_INSTANT = gauge(
    "railwatch_gpu_power_instant_watts",
    "Power draw at the moment of reading.",
    labels=DEVICE,
    unit="watts",
    source="field NVML_FI_DEV_POWER_INSTANT (milliwatts)",
)
GPU_POWER_AVERAGE = gauge(
    "railwatch_gpu_power_average_watts",
    "Power draw averaged over a second. Ampere and newer, but not GA100.",
    labels=DEVICE,
    unit="watts",
    source="field NVML_FI_DEV_POWER_AVERAGE (milliwatts)",
)
GPU_POWER_LIMITS = gauge(
    "railwatch_gpu_power_limit_setting_watts",
    "Power limits that there are beside the one in force: requested, default, and the min and max "
    "that may be requested.",
    labels=(*DEVICE, "limit"),
    unit="watts",
    source="fields NVML_FI_DEV_POWER_REQUESTED_LIMIT, _DEFAULT_LIMIT, _MIN_LIMIT, _MAX_LIMIT "
    "(milliwatts)",
)
GPU_GSP_ENABLED = gauge(
    "railwatch_gpu_gsp_enabled",
    "1 where the driver runs on the GPU's own system processor (GSP), 0 where on the CPU.",
    labels=DEVICE,
    source="nvmlDeviceGetGspFirmwareMode",
)
GPU_GSP_INFO = gauge(
    "railwatch_gpu_gsp_info",
    "Version of the firmware that runs on the GPU's system processor; always 1.",
    labels=(*DEVICE, "version"),
    source="nvmlDeviceGetGspFirmwareVersion",
)

METRICS: tuple[Metric, ...] = (
    GPU_POWER_INSTANT,
    GPU_POWER_AVERAGE,
    GPU_POWER_LIMITS,
    GPU_GSP_ENABLED,
    GPU_GSP_INFO,
)
