"""Every metric the exporter produces, in the order of its exposition."""

from catalog import (
    exporter,
    gpu,
    gpu_board,
    gpu_clocks,
    gpu_ecc,
    gpu_engines,
    gpu_pcie,
    gpu_repair,
    rdma,
    rdma_counters,
)
from catalog.metrics import Metric

METRICS: tuple[Metric, ...] = (
    *exporter.METRICS,
    *gpu.METRICS,
    *gpu_board.METRICS,
    *gpu_clocks.METRICS,
    *gpu_ecc.METRICS,
    *gpu_engines.METRICS,
    *gpu_pcie.METRICS,
    *gpu_repair.METRICS,
    *rdma.METRICS,
    *rdma_counters.METRICS,
)
