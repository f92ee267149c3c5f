/* The GPU's PCIe link; its counters are fields. */
#include "control.h"

GPU_NUMBER(nvmlDeviceGetCurrPcieLinkGeneration, pcie_generation)
GPU_NUMBER(nvmlDeviceGetMaxPcieLinkGeneration, pcie_generation_max)
GPU_NUMBER(nvmlDeviceGetCurrPcieLinkWidth, pcie_lanes)
GPU_NUMBER(nvmlDeviceGetMaxPcieLinkWidth, pcie_lanes_max)

bool fill_lane_field(const struct gpu *gpu, nvmlFieldValue_t *value)
{
    if (value->fieldId != NVML_FI_DEV_PCIE_COUNT_LANE_ERROR)
        return false;
    if (value->scopeId >= gpu->pcie_lanes_max)
        value->nvmlReturn = NVML_ERROR_INVALID_ARGUMENT;
    if (gpu->pcie_lane_errors == CONTROL_ABSENT || value->scopeId >= gpu->pcie_lanes_max)
        return true;
    value->nvmlReturn = NVML_SUCCESS;
    value->valueType = NVML_VALUE_TYPE_UNSIGNED_INT;
    value->value = (nvmlValue_t){.uiVal = (unsigned int)gpu->pcie_lane_errors};
    return true;
}
