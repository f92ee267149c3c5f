"""Metrics of memory errors by where they happened."""

from catalog.gpu import DEVICE
from catalog.metrics import Metric, counter, gauge

_WHERE = (
    "by location (dram, sram; on older cards also l1_cache, l2_cache, register_file, "
    "texture_memory, texture_shm, cbu) and kind (corrected, uncorrected)"
)

GPU_ECC_LOCATION_ERRORS = counter(
    "railwatch_gpu_ecc_location_errors_total",
    f"Memory errors since the driver was loaded or the GPU reset, {_WHERE}.",
    labels=(*DEVICE, "location", "kind"),
    source="nvmlDeviceGetMemoryErrorCounter(VOLATILE_ECC)",
)
GPU_ECC_LIFETIME_ERRORS = counter(
    "railwatch_gpu_ecc_lifetime_errors_total",
    f"Memory errors in the card's life, {_WHERE}.",
    labels=(*DEVICE, "location", "kind"),
    source="nvmlDeviceGetMemoryErrorCounter(AGGREGATE_ECC)",
)

_SRAM = "nvmlDeviceGetSramEccErrorStatus"

GPU_SRAM_UNCORRECTED = counter(
    "railwatch_gpu_sram_uncorrected_errors_total",
    "Uncorrected SRAM errors since the driver was loaded or the GPU reset, by what noticed them: "
    "parity, or secded (the error-correcting code).",
    labels=(*DEVICE, "check"),
    source=f"{_SRAM}: volatileUnc*",
)
GPU_SRAM_LIFETIME_UNCORRECTED = counter(
    "railwatch_gpu_sram_lifetime_uncorrected_errors_total",
    "Uncorrected SRAM errors in the card's life, by unit: l2, sm, pcie, mcu, other.",
    labels=(*DEVICE, "unit"),
    source=f"{_SRAM}: aggregateUncBucket*",
)
GPU_SRAM_THRESHOLD_EXCEEDED = gauge(
    "railwatch_gpu_sram_threshold_exceeded",
    "1 once the card has had more uncorrected SRAM errors than NVIDIA accepts: replace it.",
    labels=DEVICE,
    source=f"{_SRAM}: bThresholdExceeded",
)

METRICS: tuple[Metric, ...] = (
    GPU_ECC_LOCATION_ERRORS,
    GPU_ECC_LIFETIME_ERRORS,
    GPU_SRAM_UNCORRECTED,
    GPU_SRAM_LIFETIME_UNCORRECTED,
    GPU_SRAM_THRESHOLD_EXCEEDED,
)
