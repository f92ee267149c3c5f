/* ECC counters: DRAM and SRAM, corrected and not, since the last reset and for ever. */
#include "control.h"

struct counters {
    int64_t dram, sram;
};

static nvmlReturn_t pick(const struct gpu *gpu, nvmlMemoryErrorType_t error,
                         nvmlEccCounterType_t counter, struct counters *picked)
{
    if (gpu->ecc_mode != NVML_FEATURE_ENABLED)
        return NVML_ERROR_NOT_SUPPORTED;
    if ((unsigned int)error >= NVML_MEMORY_ERROR_TYPE_COUNT ||
        (unsigned int)counter >= NVML_ECC_COUNTER_TYPE_COUNT)
        return NVML_ERROR_INVALID_ARGUMENT;
    const struct counters all[NVML_MEMORY_ERROR_TYPE_COUNT][NVML_ECC_COUNTER_TYPE_COUNT] = {
        [NVML_MEMORY_ERROR_TYPE_CORRECTED] =
            {
                [NVML_VOLATILE_ECC] = {gpu->ecc_corrected, gpu->sram_corrected},
                [NVML_AGGREGATE_ECC] = {gpu->ecc_corrected_aggregate,
                                        gpu->sram_corrected_aggregate},
            },
        [NVML_MEMORY_ERROR_TYPE_UNCORRECTED] =
            {
                [NVML_VOLATILE_ECC] = {gpu->ecc_uncorrected, gpu->sram_uncorrected},
                [NVML_AGGREGATE_ECC] = {gpu->ecc_uncorrected_aggregate,
                                        gpu->sram_uncorrected_aggregate},
            },
    };
    *picked = all[error][counter];
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetTotalEccErrors(nvmlDevice_t device, nvmlMemoryErrorType_t error,
                                         nvmlEccCounterType_t counter, unsigned long long *count)
{
    struct gpu gpu;
    struct counters picked;
    ENTER_GPU(device, &gpu, count);
    TRY(pick(&gpu, error, counter, &picked));
    *count = (unsigned long long)picked.dram + (unsigned long long)picked.sram;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMemoryErrorCounter(nvmlDevice_t device, nvmlMemoryErrorType_t error,
                                             nvmlEccCounterType_t counter,
                                             nvmlMemoryLocation_t location,
                                             unsigned long long *count)
{
    struct gpu gpu;
    struct counters picked;
    ENTER_GPU(device, &gpu, count);
    TRY(pick(&gpu, error, counter, &picked));
    if (location != NVML_MEMORY_LOCATION_DRAM && location != NVML_MEMORY_LOCATION_SRAM)
        return NVML_ERROR_NOT_SUPPORTED;
    bool dram = location == NVML_MEMORY_LOCATION_DRAM;
    *count = (unsigned long long)(dram ? picked.dram : picked.sram);
    return NVML_SUCCESS;
}
