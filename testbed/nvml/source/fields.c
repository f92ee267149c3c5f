/* nvmlDeviceGetFieldValues: a field is one line of the table. */
#include <time.h>

#include "control.h"

struct field {
    unsigned int id;
    nvmlValueType_t type;
    size_t offset;
};

#define UINT(id, member) {id, NVML_VALUE_TYPE_UNSIGNED_INT, offsetof(struct gpu, member)}
#define ULONG(id, member) {id, NVML_VALUE_TYPE_UNSIGNED_LONG_LONG, offsetof(struct gpu, member)}

static const struct field fields[] = {
    UINT(NVML_FI_DEV_ECC_CURRENT, ecc_mode),
    UINT(NVML_FI_DEV_ECC_PENDING, ecc_mode),
    ULONG(NVML_FI_DEV_ECC_SBE_VOL_DEV, ecc_corrected),
    ULONG(NVML_FI_DEV_ECC_DBE_VOL_DEV, ecc_uncorrected),
    ULONG(NVML_FI_DEV_ECC_SBE_AGG_DEV, ecc_corrected_aggregate),
    ULONG(NVML_FI_DEV_ECC_DBE_AGG_DEV, ecc_uncorrected_aggregate),
    UINT(NVML_FI_DEV_MEMORY_TEMP, memory_temperature),
    ULONG(NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION, energy),
    ULONG(NVML_FI_DEV_ENERGY, energy),
    UINT(NVML_FI_DEV_PCIE_REPLAY_COUNTER, pcie_replay),
    UINT(NVML_FI_DEV_POWER_AVERAGE, power),
    UINT(NVML_FI_DEV_POWER_INSTANT, power),
    UINT(NVML_FI_DEV_POWER_MIN_LIMIT, power_limit_min),
    UINT(NVML_FI_DEV_POWER_MAX_LIMIT, power_limit_max),
    UINT(NVML_FI_DEV_POWER_DEFAULT_LIMIT, power_limit_default),
    UINT(NVML_FI_DEV_POWER_CURRENT_LIMIT, power_limit),
    UINT(NVML_FI_DEV_POWER_REQUESTED_LIMIT, power_limit),
    UINT(NVML_FI_DEV_GET_GPU_RECOVERY_ACTION, recovery_action),
};

static const struct field *find_field(unsigned int id)
{
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (fields[i].id == id)
            return &fields[i];
    return NULL;
}

static long long now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void fill(const struct gpu *gpu, nvmlFieldValue_t *value)
{
    const struct field *field = find_field(value->fieldId);
    value->timestamp = now_us();
    value->latencyUsec = 0;
    value->nvmlReturn = field == NULL ? NVML_ERROR_NOT_SUPPORTED : NVML_SUCCESS;
    if (field == NULL)
        return;
    int64_t number = *(const int64_t *)(const void *)((const char *)gpu + field->offset);
    value->valueType = field->type;
    if (field->type == NVML_VALUE_TYPE_UNSIGNED_INT)
        value->value.uiVal = (unsigned int)number;
    else
        value->value.ullVal = (unsigned long long)number;
}

nvmlReturn_t nvmlDeviceGetFieldValues(nvmlDevice_t device, int count, nvmlFieldValue_t *values)
{
    struct gpu gpu;
    ENTER_GPU(device, &gpu, values);
    if (count < 0)
        return NVML_ERROR_INVALID_ARGUMENT;
    for (int i = 0; i < count; i++)
        fill(&gpu, &values[i]);
    return NVML_SUCCESS;
}
