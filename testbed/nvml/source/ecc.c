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

nvmlReturn_t nvmlDeviceGetSramEccErrorStatus(nvmlDevice_t device, nvmlEccSramErrorStatus_t *status)
{
    struct gpu gpu;
    ENTER_GPU(device, &gpu, status);
    if (status->version != nvmlEccSramErrorStatus_v1)
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    TRY(tell(gpu.sram_threshold_exceeded, &status->bThresholdExceeded));
    status->volatileUncParity = (unsigned long long)gpu.sram_parity;
    status->volatileUncSecDed = (unsigned long long)gpu.sram_secded;
    status->volatileCor = (unsigned long long)gpu.sram_corrected;
    /* What noticed an error is counted since the reset only. */
    status->aggregateUncParity = (unsigned long long)gpu.sram_parity;
    status->aggregateUncSecDed = (unsigned long long)gpu.sram_secded;
    status->aggregateCor = (unsigned long long)gpu.sram_corrected_aggregate;
    status->aggregateUncBucketL2 = (unsigned long long)gpu.sram_l2;
    status->aggregateUncBucketSm = (unsigned long long)gpu.sram_sm;
    status->aggregateUncBucketPcie = (unsigned long long)gpu.sram_pcie;
    status->aggregateUncBucketMcu = (unsigned long long)gpu.sram_mcu;
    status->aggregateUncBucketOther = (unsigned long long)gpu.sram_other;
    return NVML_SUCCESS;
}
