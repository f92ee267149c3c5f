/* Licences of vGPU software: of a guest's GPU, and on a host of each vGPU. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "control.h"

#define FILL_EXPIRY(license, to)                                                                   \
    do {                                                                                           \
        struct tm at = {0};                                                                        \
        time_t when = (time_t)(license)->expiry;                                                   \
        gmtime_r(&when, &at);                                                                      \
        (to)->year = (unsigned int)at.tm_year + 1900;                                              \
        (to)->month = (unsigned short)(at.tm_mon + 1);                                             \
        (to)->day = (unsigned short)at.tm_mday;                                                    \
        (to)->hour = (unsigned short)at.tm_hour;                                                   \
        (to)->min = (unsigned short)at.tm_min;                                                     \
        (to)->sec = (unsigned short)at.tm_sec;                                                     \
        (to)->status = (unsigned char)(license)->status;                                           \
    } while (0)

nvmlReturn_t nvmlDeviceGetGridLicensableFeatures_v4(nvmlDevice_t device,
                                                    nvmlGridLicensableFeatures_t *features)
{
    struct gpu gpu;
    ENTER_GPU(device, &gpu, features);
    memset(features, 0, sizeof *features);
    if (gpu.license.present == 0)
        return NVML_SUCCESS;
    features->isGridLicenseSupported = 1;
    features->licensableFeaturesCount = 1;
    nvmlGridLicensableFeature_t *feature = &features->gridLicensableFeatures[0];
    feature->featureCode = NVML_GRID_LICENSE_FEATURE_CODE_VGPU;
    feature->featureEnabled = 1;
    feature->featureState = gpu.license.state == NVML_GRID_LICENSE_STATE_LICENSED;
    memcpy(feature->productName, gpu.license.product, sizeof feature->productName);
    FILL_EXPIRY(&gpu.license, &feature->licenseExpiry);
    return NVML_SUCCESS;
}

/* A vGPU's handle: its GPU's slot and its place there, counted from 1. */
static nvmlVgpuInstance_t handle(unsigned int slot, unsigned int place)
{
    return slot * CONTROL_VGPUS + place + 1;
}

nvmlReturn_t nvmlDeviceGetActiveVgpus(nvmlDevice_t device, unsigned int *count,
                                      nvmlVgpuInstance_t *vgpus)
{
    struct gpu gpu;
    ENTER_GPU(device, &gpu, count);
    if (gpu.vgpu_host != 1)
        return NVML_ERROR_NOT_SUPPORTED;
    unsigned int found = 0, room = *count;
    for (unsigned int place = 0; place < CONTROL_VGPUS; place++) {
        if (gpu.vgpus[place].present == 0)
            continue;
        if (found < room && vgpus != NULL)
            vgpus[found] = handle(slot_of(device), place);
        found++;
    }
    *count = found;
    return found > room ? NVML_ERROR_INSUFFICIENT_SIZE : NVML_SUCCESS;
}

static nvmlReturn_t enter_vgpu(const char *call, nvmlVgpuInstance_t vgpu, struct license *license)
{
    struct gpu gpu;
    if (vgpu == 0 || vgpu > CONTROL_GPUS * CONTROL_VGPUS)
        return NVML_ERROR_INVALID_ARGUMENT;
    TRY(enter_slot(call, (vgpu - 1) / CONTROL_VGPUS, &gpu));
    *license = gpu.vgpus[(vgpu - 1) % CONTROL_VGPUS];
    return license->present != 0 ? NVML_SUCCESS : NVML_ERROR_NOT_FOUND;
}

nvmlReturn_t nvmlVgpuInstanceGetUUID(nvmlVgpuInstance_t vgpu, char *uuid, unsigned int size)
{
    struct license license;
    TRY(enter_vgpu(__func__, vgpu, &license));
    if (uuid == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    return copy_text(license.uuid, uuid, size);
}

nvmlReturn_t nvmlVgpuInstanceGetLicenseInfo_v2(nvmlVgpuInstance_t vgpu, nvmlVgpuLicenseInfo_t *info)
{
    struct license license;
    TRY(enter_vgpu(__func__, vgpu, &license));
    if (info == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    info->isLicensed = license.state == NVML_GRID_LICENSE_STATE_LICENSED;
    info->currentState = (unsigned int)license.state;
    FILL_EXPIRY(&license, &info->licenseExpiry);
    return NVML_SUCCESS;
}
