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
    GPU_RETIRED_PAGES,
    GPU_RETIRED_PAGES_PENDING,
    GPU_RECOVERY_ACTION,
)
