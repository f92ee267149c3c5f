"""Metrics of GPM, Hopper and newer: what the units of a GPU did between two readings.

`mig` is empty for a whole GPU; a divided one tells of its MIG devices only.
"""

from catalog.gpu_mig import INSTANCE
from catalog.metrics import Metric, gauge

_GPM = "nvmlGpmMetricsGet: NVML_GPM_METRIC_"

GPU_GRAPHICS_ACTIVE = gauge(
    "railwatch_gpu_graphics_active_ratio",
    "Share of time in which any compute or graphics work ran, 0 to 1.",
    labels=INSTANCE,
    unit="ratio",
    source=f"{_GPM}GRAPHICS_UTIL (percent)",
)
GPU_SM_ACTIVE = gauge(
    "railwatch_gpu_sm_active_ratio",
    "Share of the streaming multiprocessors that were busy, over time, 0 to 1.",
    labels=INSTANCE,
    unit="ratio",
    source=f"{_GPM}SM_UTIL (percent)",
)
GPU_SM_OCCUPANCY = gauge(
    "railwatch_gpu_sm_occupancy_ratio",
    "Warps that were resident, as a share of the most that could be, 0 to 1.",
    labels=INSTANCE,
    unit="ratio",
    source=f"{_GPM}SM_OCCUPANCY (percent)",
)
GPU_TENSOR_ACTIVE = gauge(
    "railwatch_gpu_tensor_active_ratio",
    "Share of time in which tensor cores worked, on any type, 0 to 1.",
    labels=INSTANCE,
    unit="ratio",
    source=f"{_GPM}ANY_TENSOR_UTIL (percent)",
)
GPU_PIPE_ACTIVE = gauge(
    "railwatch_gpu_pipe_active_ratio",
    "Share of time in which a pipe worked (fp64, fp32, fp16, integer; tensor cores by type: "
    "tensor_dfma, tensor_hmma, tensor_dmma, tensor_imma), 0 to 1.",
    labels=(*INSTANCE, "pipe"),
    unit="ratio",
    source=f"{_GPM}FP64_UTIL, FP32_UTIL, FP16_UTIL, INTEGER_UTIL, *_TENSOR_UTIL (percent)",
)
GPU_DRAM_ACTIVE = gauge(
    "railwatch_gpu_dram_active_ratio",
    "Memory bandwidth used, as a share of the theoretical maximum, 0 to 1.",
    labels=INSTANCE,
    unit="ratio",
    source=f"{_GPM}DRAM_BW_UTIL (percent)",
)
GPU_PCIE_THROUGHPUT = gauge(
    "railwatch_gpu_pcie_throughput_bytes_per_second",
    "PCIe traffic by direction, transmit or receive as the GPU sees it.",
    labels=(*INSTANCE, "direction"),
    unit="bytes",
    source=f"{_GPM}PCIE_TX_PER_SEC, PCIE_RX_PER_SEC (MiB/s)",
)
GPU_NVLINK_THROUGHPUT = gauge(
    "railwatch_gpu_nvlink_throughput_bytes_per_second",
    "NVLink traffic of all links together by direction, transmit or receive as the GPU sees it.",
    labels=(*INSTANCE, "direction"),
    unit="bytes",
    source=f"{_GPM}NVLINK_TOTAL_TX_PER_SEC, NVLINK_TOTAL_RX_PER_SEC (MiB/s)",
)

METRICS: tuple[Metric, ...] = (
    GPU_GRAPHICS_ACTIVE,
    GPU_SM_ACTIVE,
    GPU_SM_OCCUPANCY,
    GPU_TENSOR_ACTIVE,
    GPU_PIPE_ACTIVE,
    GPU_DRAM_ACTIVE,
    GPU_PCIE_THROUGHPUT,
    GPU_NVLINK_THROUGHPUT,
)
