/* What holds the clocks down: masks of reasons; for how long is told by fields. */
#include "control.h"

#define GPU_MASK(call, field)                                                                      \
    nvmlReturn_t call(nvmlDevice_t device, unsigned long long *mask)                               \
    {                                                                                              \
        struct gpu gpu;                                                                            \
        ENTER_GPU(device, &gpu, mask);                                                             \
        *mask = (unsigned long long)gpu.field;                                                     \
        return gpu.field == CONTROL_ABSENT ? NVML_ERROR_NOT_SUPPORTED : NVML_SUCCESS;              \
    }

GPU_MASK(nvmlDeviceGetCurrentClocksEventReasons, clocks_limited)
GPU_MASK(nvmlDeviceGetSupportedClocksEventReasons, clocks_limitable)
