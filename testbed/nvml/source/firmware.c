/* The GPU's system processor, and repairs that wait for a reset. */
#include "control.h"

nvmlReturn_t nvmlDeviceGetGspFirmwareVersion(nvmlDevice_t device, char *version)
{
    struct gpu gpu;
    ENTER_GPU(device, &gpu, version);
    if (gpu.gsp_enabled != 1)
        return NVML_ERROR_NOT_SUPPORTED;
    return copy_text(gpu.gsp_version, version, NVML_GSP_FIRMWARE_VERSION_BUF_SIZE);
}

nvmlReturn_t nvmlDeviceGetGspFirmwareMode(nvmlDevice_t device, unsigned int *is_enabled,
                                          unsigned int *default_mode)
{
    struct gpu gpu;
    ENTER_GPU(device, &gpu, is_enabled);
    if (default_mode == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    *default_mode = 1;
    return tell(gpu.gsp_enabled, is_enabled);
}

nvmlReturn_t nvmlDeviceGetRepairStatus(nvmlDevice_t device, nvmlRepairStatus_t *status)
{
    struct gpu gpu;
    ENTER_GPU(device, &gpu, status);
    if (status->version != nvmlRepairStatus_v1)
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    TRY(tell(gpu.repair_channel, &status->bChannelRepairPending));
    return tell(gpu.repair_tpc, &status->bTpcRepairPending);
}

nvmlReturn_t nvmlDeviceGetUnrepairableMemoryFlag_v1(nvmlDevice_t device,
                                                    nvmlUnrepairableMemoryStatus_v1_t *status)
{
    struct gpu gpu;
    ENTER_GPU(device, &gpu, status);
    return tell(gpu.unrepairable_memory, &status->bUnrepairableMemory);
}
