"""The GPM metrics that are read; names and numbers of nvml.h."""

from enum import IntEnum


class Rate(IntEnum):
    """A metric, without its prefix NVML_GPM_METRIC_: percent, or MiB a second where it says so."""

    GRAPHICS_UTIL = 1
    SM_UTIL = 2
    SM_OCCUPANCY = 3
    INTEGER_UTIL = 4
    ANY_TENSOR_UTIL = 5
    DFMA_TENSOR_UTIL = 6
    HMMA_TENSOR_UTIL = 7
    DMMA_TENSOR_UTIL = 8
    IMMA_TENSOR_UTIL = 9
    DRAM_BW_UTIL = 10
    FP64_UTIL = 11
    FP32_UTIL = 12
    FP16_UTIL = 13
    PCIE_TX_PER_SEC = 20
    PCIE_RX_PER_SEC = 21
    NVLINK_TOTAL_RX_PER_SEC = 60
    NVLINK_TOTAL_TX_PER_SEC = 61
