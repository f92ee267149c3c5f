/* The GPU's PCIe link; its counters are fields. */
#include "control.h"

GPU_NUMBER(nvmlDeviceGetCurrPcieLinkGeneration, pcie_generation)
GPU_NUMBER(nvmlDeviceGetMaxPcieLinkGeneration, pcie_generation_max)
GPU_NUMBER(nvmlDeviceGetCurrPcieLinkWidth, pcie_lanes)
GPU_NUMBER(nvmlDeviceGetMaxPcieLinkWidth, pcie_lanes_max)
