"""Metrics of the GPU family."""

from catalog.metrics import Metric, counter, gauge

DEVICE = ("gpu", "uuid")
"""A GPU's identity: `gpu` (NVML index) is for display, `uuid` is what it is."""

STATES = ("ok", "lost", "hung", "missing", "reset_required", "unreadable", "not_managed")

GPU_INFO = gauge(
    "railwatch_gpu_info",
    "Identity of a GPU; always 1.",
    labels=(*DEVICE, "name", "serial", "pci_bus_id", "vbios"),
    source="nvmlDeviceGetName, GetSerial, GetPciInfo, GetVbiosVersion",
)
GPU_DRIVER_INFO = gauge(
    "railwatch_gpu_driver_info",
    "Versions of the NVIDIA driver, the newest CUDA it supports, and the NVML library; always 1.",
    labels=("driver_version", "cuda_version", "nvml_version"),
    source="nvmlSystemGetDriverVersion, GetCudaDriverVersion_v2, GetNVMLVersion",
)
GPU_STATE = gauge(
    "railwatch_gpu_state",
    "1 for the state the GPU is in, 0 for every other; it stays when the GPU stops answering.",
    labels=(*DEVICE, "state"),
    source="NVML return codes and the reading's deadline",
    states=STATES,
)
GPU_LAST_SUCCESS = gauge(
    "railwatch_gpu_last_success_timestamp_seconds",
    "When this GPU last answered every reading of a cycle.",
    labels=DEVICE,
    unit="seconds",
    source="exporter",
)
GPU_AGE = gauge(
    "railwatch_gpu_age_seconds",
    "Age of this GPU's readings when the snapshot was built.",
    labels=DEVICE,
    unit="seconds",
    source="exporter",
)
GPU_MEMORY_CAPACITY = gauge(
    "railwatch_gpu_memory_capacity_bytes",
    "Framebuffer memory of the GPU.",
    labels=DEVICE,
    unit="bytes",
    source="nvmlDeviceGetMemoryInfo_v2: total",
)
GPU_MEMORY_USED = gauge(
    "railwatch_gpu_memory_used_bytes",
    "Framebuffer memory allocated by processes.",
    labels=DEVICE,
    unit="bytes",
    source="nvmlDeviceGetMemoryInfo_v2: used",
)
GPU_MEMORY_FREE = gauge(
    "railwatch_gpu_memory_free_bytes",
    "Framebuffer memory free.",
    labels=DEVICE,
    unit="bytes",
    source="nvmlDeviceGetMemoryInfo_v2: free",
)
GPU_MEMORY_RESERVED = gauge(
    "railwatch_gpu_memory_reserved_bytes",
    "Framebuffer memory reserved by driver and firmware.",
    labels=DEVICE,
    unit="bytes",
    source="nvmlDeviceGetMemoryInfo_v2: reserved",
)
GPU_UTILIZATION = gauge(
    "railwatch_gpu_utilization_ratio",
    "Share of the last sample period in which a kernel ran, 0 to 1.",
    labels=DEVICE,
    unit="ratio",
    source="nvmlDeviceGetUtilizationRates: gpu",
)
GPU_MEMORY_COPY_UTILIZATION = gauge(
    "railwatch_gpu_memory_copy_utilization_ratio",
    "Share of the last sample period in which device memory was read or written, 0 to 1.",
    labels=DEVICE,
    unit="ratio",
    source="nvmlDeviceGetUtilizationRates: memory",
)
GPU_TEMPERATURE = gauge(
    "railwatch_gpu_temperature_celsius",
    "Temperature of the GPU die.",
    labels=DEVICE,
    unit="celsius",
    source="nvmlDeviceGetTemperature(NVML_TEMPERATURE_GPU)",
)
GPU_POWER = gauge(
    "railwatch_gpu_power_watts",
    "Power draw of the board.",
    labels=DEVICE,
    unit="watts",
    source="nvmlDeviceGetPowerUsage (milliwatts)",
)
GPU_POWER_LIMIT = gauge(
    "railwatch_gpu_power_limit_watts",
    "Power limit in force.",
    labels=DEVICE,
    unit="watts",
    source="nvmlDeviceGetEnforcedPowerLimit (milliwatts)",
)
GPU_ENERGY = counter(
    "railwatch_gpu_energy_joules_total",
    "Energy used since the driver was loaded.",
    labels=DEVICE,
    unit="joules",
    source="nvmlDeviceGetTotalEnergyConsumption (millijoules)",
)
GPU_ECC_ERRORS = counter(
    "railwatch_gpu_ecc_errors_total",
    "Memory errors since the driver was loaded or the GPU reset (NVML's volatile counters).",
    labels=(*DEVICE, "kind"),
    source="nvmlDeviceGetTotalEccErrors(VOLATILE_ECC); kind is corrected or uncorrected",
)
GPU_RESET_TIMESTAMP = gauge(
    "railwatch_gpu_reset_timestamp_seconds",
    "When the GPU was last reset, as far as it was seen; the node's boot counts as a reset.",
    labels=DEVICE,
    unit="seconds",
    source="volatile ECC counters falling; /proc/stat btime",
)
_XID_SOURCE = "kernel log; NVML event XidCriticalError where that is unreadable"

GPU_XID_ERRORS = counter(
    "railwatch_gpu_xid_errors_total",
    "Xid errors since the boot, by code and NVIDIA's own resolution for it (for 144 to 150, of "
    "the sub-code); actionable codes begin at 0.",
    labels=(*DEVICE, "xid", "resolution"),
    source=_XID_SOURCE,
)
GPU_XID_LAST_TIMESTAMP = gauge(
    "railwatch_gpu_xid_last_timestamp_seconds",
    "When this Xid was last seen; 0 where an actionable Xid was not seen since the boot.",
    labels=(*DEVICE, "xid", "resolution"),
    unit="seconds",
    source=_XID_SOURCE,
)
GPU_XID_BURSTS = counter(
    "railwatch_gpu_xid_bursts_total",
    "Bursts that the GPU's Xids came in since the boot: one fault often logs several; three "
    "minutes of silence end a burst.",
    labels=DEVICE,
    source=_XID_SOURCE,
)

SWITCH = ("switch", "pci_bus_id")
"""An NVSwitch's identity: the driver's name for it, and its slot."""

NVSWITCH_SXID_ERRORS = counter(
    "railwatch_gpu_nvswitch_sxid_errors_total",
    "SXid errors of an NVSwitch since the boot, by code and severity (fatal, non_fatal) as the "
    "driver logged it or NVIDIA's guide has it.",
    labels=(*SWITCH, "sxid", "severity"),
    source="kernel log",
)
NVSWITCH_SXID_LAST_TIMESTAMP = gauge(
    "railwatch_gpu_nvswitch_sxid_last_timestamp_seconds",
    "When this SXid was last logged for this NVSwitch.",
    labels=(*SWITCH, "sxid", "severity"),
    unit="seconds",
    source="kernel log",
)

METRICS: tuple[Metric, ...] = (
    GPU_INFO,
    GPU_DRIVER_INFO,
    GPU_STATE,
    GPU_LAST_SUCCESS,
    GPU_AGE,
    GPU_MEMORY_CAPACITY,
    GPU_MEMORY_USED,
    GPU_MEMORY_FREE,
    GPU_MEMORY_RESERVED,
    GPU_UTILIZATION,
    GPU_MEMORY_COPY_UTILIZATION,
    GPU_TEMPERATURE,
    GPU_POWER,
    GPU_POWER_LIMIT,
    GPU_ENERGY,
    GPU_ECC_ERRORS,
    GPU_RESET_TIMESTAMP,
    GPU_XID_ERRORS,
    GPU_XID_LAST_TIMESTAMP,
    GPU_XID_BURSTS,
    NVSWITCH_SXID_ERRORS,
    NVSWITCH_SXID_LAST_TIMESTAMP,
)
