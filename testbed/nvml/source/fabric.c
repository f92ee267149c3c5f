/* What binds a GPU to others: the fabric manager's registration, and chip-to-chip links. */
#include <string.h>

#include "control.h"

static unsigned char hex_digit(char digit)
{
    return (unsigned char)(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
}

static void copy_cluster(const char *text, unsigned char uuid[NVML_GPU_FABRIC_UUID_LEN])
{
    memset(uuid, 0, NVML_GPU_FABRIC_UUID_LEN);
    for (size_t i = 0; i < NVML_GPU_FABRIC_UUID_LEN && strlen(text) >= 2 * (i + 1); i++)
        uuid[i] = (unsigned char)(hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]));
}

/* The caller's structure may be of the version before: it lacks the summary at the end. A driver
 * that knows only the version before refuses the newer one. */
nvmlReturn_t nvmlDeviceGetGpuFabricInfoV(nvmlDevice_t device, nvmlGpuFabricInfoV_t *info)
{
    struct gpu gpu;
    ENTER_GPU(device, &gpu, info);
    bool newest = info->version == nvmlGpuFabricInfo_v3 && gpu.fabric_structure >= 3;
    if (!newest && info->version != nvmlGpuFabricInfo_v2)
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    if (gpu.fabric_state == CONTROL_ABSENT)
        return NVML_ERROR_NOT_SUPPORTED;
    info->state = (nvmlGpuFabricState_t)gpu.fabric_state;
    info->status = (nvmlReturn_t)gpu.fabric_status;
    info->cliqueId = (unsigned int)gpu.fabric_clique;
    info->healthMask = (unsigned int)gpu.fabric_health;
    copy_cluster(gpu.fabric_cluster, info->clusterUuid);
    if (newest)
        info->healthSummary = (unsigned char)gpu.fabric_summary;
    return NVML_SUCCESS;
}

static int64_t c2c_number(const struct gpu *gpu, unsigned int id, unsigned int link)
{
    switch (id) {
    case NVML_FI_DEV_C2C_LINK_COUNT:
        return gpu->c2c_links;
    case NVML_FI_DEV_C2C_LINK_GET_STATUS:
        return link < gpu->c2c_active;
    case NVML_FI_DEV_C2C_LINK_GET_MAX_BW:
        return link < gpu->c2c_active ? gpu->c2c_bandwidth : CONTROL_ABSENT;
    case NVML_FI_DEV_C2C_LINK_ERROR_INTR:
        return gpu->c2c_crc;
    case NVML_FI_DEV_C2C_LINK_ERROR_REPLAY:
        return gpu->c2c_replay;
    default:
        return gpu->c2c_replay_b2b;
    }
}

bool fill_c2c_field(const struct gpu *gpu, nvmlFieldValue_t *value)
{
    bool older = value->fieldId >= NVML_FI_DEV_C2C_LINK_COUNT &&
                 value->fieldId <= NVML_FI_DEV_C2C_LINK_GET_MAX_BW;
    bool newer = value->fieldId >= NVML_FI_DEV_C2C_LINK_ERROR_INTR &&
                 value->fieldId <= NVML_FI_DEV_C2C_LINK_ERROR_REPLAY_B2B;
    if (!older && !newer)
        return false;
    int64_t number = c2c_number(gpu, value->fieldId, value->scopeId);
    bool counted = value->fieldId == NVML_FI_DEV_C2C_LINK_COUNT;
    if (gpu->c2c_links == CONTROL_ABSENT || number == CONTROL_ABSENT)
        return true;
    value->nvmlReturn = counted || value->scopeId < gpu->c2c_links ? NVML_SUCCESS
                                                                   : NVML_ERROR_INVALID_ARGUMENT;
    value->valueType = NVML_VALUE_TYPE_UNSIGNED_INT;
    value->value = (nvmlValue_t){.uiVal = (unsigned int)number};
    return true;
}
