/* Memory rows that were replaced by spare ones. NVML does not tell of them under MIG. */
#include "control.h"

nvmlReturn_t nvmlDeviceGetRemappedRows(nvmlDevice_t device, unsigned int *correctable,
                                       unsigned int *uncorrectable, unsigned int *pending,
                                       unsigned int *failed)
{
    struct gpu gpu;
    ENTER_GPU(device, &gpu, correctable);
    if (uncorrectable == NULL || pending == NULL || failed == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    if (gpu.mig_mode == NVML_DEVICE_MIG_ENABLE)
        return NVML_ERROR_NOT_SUPPORTED;
    TRY(tell(gpu.remapped_correctable, correctable));
    TRY(tell(gpu.remapped_uncorrectable, uncorrectable));
    TRY(tell(gpu.remapped_pending, pending));
    return tell(gpu.remapped_failed, failed);
}

nvmlReturn_t nvmlDeviceGetRowRemapperHistogram(nvmlDevice_t device,
                                               nvmlRowRemapperHistogramValues_t *banks)
{
    struct gpu gpu;
    ENTER_GPU(device, &gpu, banks);
    TRY(tell(gpu.banks_max, &banks->max));
    TRY(tell(gpu.banks_high, &banks->high));
    TRY(tell(gpu.banks_partial, &banks->partial));
    TRY(tell(gpu.banks_low, &banks->low));
    return tell(gpu.banks_none, &banks->none);
}
