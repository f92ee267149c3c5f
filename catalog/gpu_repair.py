"""Metrics of what a GPU did about its bad memory, and of what its driver asks to be done."""

from catalog.gpu import DEVICE
from catalog.metrics import Metric, gauge

_REMAPPED = "nvmlDeviceGetRemappedRows"

GPU_REMAPPED_ROWS = gauge(
    "railwatch_gpu_remapped_rows",
    "Memory rows replaced by spare ones in the card's life, by the kind of error that caused it: "
    "correctable or uncorrectable. Ampere and newer.",
    labels=(*DEVICE, "kind"),
    source=_REMAPPED,
)
GPU_REMAPPED_ROWS_PENDING = gauge(
    "railwatch_gpu_remapped_rows_pending",
    "1 while a row waits for the GPU's reset to be replaced.",
    labels=DEVICE,
    source=_REMAPPED,
)
GPU_REMAPPED_ROWS_FAILED = gauge(
    "railwatch_gpu_remapped_rows_failed",
    "1 once a row could not be replaced in the card's life.",
    labels=DEVICE,
    source=_REMAPPED,
)
GPU_REMAPPER_BANKS = gauge(
    "railwatch_gpu_row_remapper_banks",
    "Memory banks by how many spare rows they have left: max, high, partial, low, none.",
    labels=(*DEVICE, "availability"),
    source="nvmlDeviceGetRowRemapperHistogram",
)
GPU_REMAPPED_ROWS_INACTIVE = gauge(
    "railwatch_gpu_remapped_rows_inactive",
    "Replacements of memory rows that are not in force, by the kind of error that caused them.",
    labels=(*DEVICE, "kind"),
    source="fields NVML_FI_DEV_REMAPPED_ROWS_*_INACTIVE",
)
GPU_REMAPPED_BANKS = gauge(
    "railwatch_gpu_remapped_banks",
    "Memory banks replaced by spare ones, by whether the replacement is in force: active, "
    "inactive. Cards that can replace whole banks.",
    labels=(*DEVICE, "state"),
    source="fields NVML_FI_DEV_ACTIVE_BANK_REMAPPINGS, _INACTIVE_BANK_REMAPPINGS",
    states=("active", "inactive"),
)
GPU_REMAPPED_BANKS_PENDING = gauge(
    "railwatch_gpu_remapped_banks_pending",
    "1 while a bank waits for the GPU's reset to be replaced.",
    labels=DEVICE,
    source="field NVML_FI_DEV_PENDING_BANK_REMAPPING",
)
GPU_BANK_REMAPPER_GROUPS = gauge(
    "railwatch_gpu_bank_remapper_groups",
    "Groups of memory banks that have all their spare banks left (max), or none.",
    labels=(*DEVICE, "availability"),
    source="fields NVML_FI_DEV_BANK_REMAPPER_HISTOGRAM_MAX, _NONE",
)
GPU_RETIRED_PAGES = gauge(
    "railwatch_gpu_retired_pages",
    "Memory pages taken out of use in the card's life, by cause: single_bit (several corrected "
    "errors) or double_bit. Cards older than Ampere.",
    labels=(*DEVICE, "cause"),
    source="fields NVML_FI_DEV_RETIRED_SBE, NVML_FI_DEV_RETIRED_DBE",
)
GPU_RETIRED_PAGES_PENDING = gauge(
    "railwatch_gpu_retired_pages_pending",
    "1 while a page waits for the GPU's reset to be taken out of use.",
    labels=DEVICE,
    source="field NVML_FI_DEV_RETIRED_PENDING",
)

GPU_REPAIR_PENDING = gauge(
    "railwatch_gpu_repair_pending",
    "1 while a part of the GPU waits for its reset to be replaced by a spare one: channel (of the "
    "memory), tpc (of the processors). Ampere and newer.",
    labels=(*DEVICE, "part"),
    source="nvmlDeviceGetRepairStatus",
)
GPU_MEMORY_UNREPAIRABLE = gauge(
    "railwatch_gpu_memory_unrepairable",
    "1 once the GPU has memory that cannot be repaired. Hopper and newer.",
    labels=DEVICE,
    source="nvmlDeviceGetUnrepairableMemoryFlag_v1",
)

RECOVERY_ACTIONS = {
    0: "none",
    1: "gpu_reset",
    2: "node_reboot",
    3: "drain_p2p",
    4: "drain_and_reset",
    6: "bus_reset",
    7: "system_reboot",
}
"""nvmlDeviceGpuRecoveryAction_t; 5 has another meaning from one driver release to the next."""

UNKNOWN_ACTION = "unknown"

GPU_RECOVERY_ACTION = gauge(
    "railwatch_gpu_recovery_action",
    "1 for what the driver asks to be done so that the GPU works again, 0 for everything else; "
    "`unknown` where it asks for something that has no certain meaning.",
    labels=(*DEVICE, "state"),
    source="field NVML_FI_DEV_GET_GPU_RECOVERY_ACTION",
    states=(*RECOVERY_ACTIONS.values(), UNKNOWN_ACTION),
)

METRICS: tuple[Metric, ...] = (
    GPU_REMAPPED_ROWS,
    GPU_REMAPPED_ROWS_PENDING,
    GPU_REMAPPED_ROWS_FAILED,
    GPU_REMAPPER_BANKS,
    GPU_REMAPPED_ROWS_INACTIVE,
    GPU_REMAPPED_BANKS,
    GPU_REMAPPED_BANKS_PENDING,
    GPU_BANK_REMAPPER_GROUPS,
    GPU_RETIRED_PAGES,
    GPU_RETIRED_PAGES_PENDING,
    GPU_REPAIR_PENDING,
    GPU_MEMORY_UNREPAIRABLE,
    GPU_RECOVERY_ACTION,
)
