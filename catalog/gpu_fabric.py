"""Metrics of what binds a GPU to others: the NVLink fabric's registration, chip-to-chip links."""

from catalog.gpu import DEVICE
from catalog.metrics import Metric, counter, gauge

_FABRIC = "nvmlDeviceGetGpuFabricInfoV"

FABRIC_STATES = ("not_started", "in_progress", "completed")
"""NVML_GPU_FABRIC_STATE_*, from 1 on; 0 is that there is no fabric to register with."""

FABRIC_HEALTH = ("healthy", "unhealthy", "limited_capacity")
"""NVML_GPU_FABRIC_HEALTH_SUMMARY_*, from 1 on; 0 is that the driver does not judge."""

CONFIGURATIONS = {
    1: "correct",
    2: "incorrect_system_guid",
    3: "incorrect_chassis_serial",
    4: "no_partition",
    5: "insufficient_nvlinks",
    6: "incompatible_firmware",
    7: "invalid_location",
    8: "invalid_gpu_state",
}
"""NVML_GPU_FABRIC_HEALTH_MASK_INCORRECT_CONFIGURATION_*; 0 is that it is not told."""

UNKNOWN = "unknown"

FABRIC_INFO = gauge(
    "railwatch_gpu_fabric_info",
    "The cluster and the clique of the NVLink fabric that the GPU is registered with, and what "
    "the fabric manager found wrong with its configuration (correct; empty where it does not "
    "say); always 1.",
    labels=(*DEVICE, "cluster_uuid", "clique", "configuration"),
    source=f"{_FABRIC}: clusterUuid, cliqueId, healthMask",
)
FABRIC_STATE = gauge(
    "railwatch_gpu_fabric_state",
    "1 for how far the GPU's registration with the NVLink fabric is, 0 for every other state; "
    "without a running fabric manager it is never completed.",
    labels=(*DEVICE, "state"),
    source=f"{_FABRIC}: state",
    states=(*FABRIC_STATES, UNKNOWN),
)
FABRIC_REGISTRATION_ERROR = gauge(
    "railwatch_gpu_fabric_registration_error",
    "NVML's return code for the registration, once it is completed; 0 is success.",
    labels=DEVICE,
    source=f"{_FABRIC}: status",
)
FABRIC_HEALTH_STATE = gauge(
    "railwatch_gpu_fabric_health",
    "1 for the fabric manager's judgement of this GPU, 0 for every other.",
    labels=(*DEVICE, "state"),
    source=f"{_FABRIC}: healthSummary",
    states=(*FABRIC_HEALTH, UNKNOWN),
)
FABRIC_TROUBLE = gauge(
    "railwatch_gpu_fabric_trouble",
    "1 for each trouble that the fabric manager sees with this GPU, 0 for each other that it "
    "watches: degraded_bandwidth, route_recovery, route_unhealthy, access_timeout_recovery, "
    "incorrect_configuration, no_partition, manager_disconnected.",
    labels=(*DEVICE, "kind"),
    source=f"{_FABRIC}: healthMask",
)

C2C_LINKS = gauge(
    "railwatch_gpu_c2c_links",
    "Chip-to-chip links of the GPU (to the CPU on the same module) by state.",
    labels=(*DEVICE, "state"),
    source="fields NVML_FI_DEV_C2C_LINK_COUNT, _GET_STATUS",
    states=("inactive", "active", UNKNOWN),
)
C2C_SPEED = gauge(
    "railwatch_gpu_c2c_speed_bytes_per_second",
    "What the active chip-to-chip links can carry together.",
    labels=DEVICE,
    unit="bytes",
    source="field NVML_FI_DEV_C2C_LINK_GET_MAX_BW (MB/s)",
)
C2C_ERRORS = counter(
    "railwatch_gpu_c2c_errors_total",
    "Errors of all chip-to-chip links by kind: crc, replay, replay_back_to_back.",
    labels=(*DEVICE, "kind"),
    source="fields NVML_FI_DEV_C2C_LINK_ERROR_*",
)

METRICS: tuple[Metric, ...] = (
    FABRIC_INFO,
    FABRIC_STATE,
    FABRIC_REGISTRATION_ERROR,
    FABRIC_HEALTH_STATE,
    FABRIC_TROUBLE,
    C2C_LINKS,
    C2C_SPEED,
    C2C_ERRORS,
)
