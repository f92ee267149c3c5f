/* MIG devices: what a handle may mean beside a whole GPU. */
#include "control.h"

static struct nvmlDevice_st mig_devices[CONTROL_GPUS][CONTROL_MIGS];

/* The GPU that a handle of a MIG device is in, and its place there; false for any other handle. */
static bool is_mig(nvmlDevice_t device, unsigned int *slot, unsigned int *place)
{
    for (*slot = 0; *slot < CONTROL_GPUS; ++*slot)
        for (*place = 0; *place < CONTROL_MIGS; ++*place)
            if (device == &mig_devices[*slot][*place])
                return true;
    return false;
}

static bool is_enabled(const struct gpu *gpu) { return gpu->mig_mode == NVML_DEVICE_MIG_ENABLE; }

nvmlReturn_t enter_target(const char *call, nvmlDevice_t device, struct target *target)
{
    unsigned int slot, place;
    target->mig = NULL;
    if (!is_mig(device, &slot, &place))
        return enter_gpu(call, device, &target->gpu);
    TRY(enter_slot(call, slot, &target->gpu));
    target->mig = &target->gpu.migs[place];
    bool there = is_enabled(&target->gpu) && target->mig->present != 0;
    return there ? NVML_SUCCESS : NVML_ERROR_INVALID_ARGUMENT;
}

nvmlReturn_t nvmlDeviceGetMigMode(nvmlDevice_t device, unsigned int *current, unsigned int *pending)
{
    struct gpu gpu;
    ENTER_GPU(device, &gpu, current);
    if (pending == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    TRY(tell(gpu.mig_mode, current));
    return tell(gpu.mig_mode_pending, pending);
}

nvmlReturn_t nvmlDeviceGetMaxMigDeviceCount(nvmlDevice_t device, unsigned int *count)
{
    struct gpu gpu;
    ENTER_GPU(device, &gpu, count);
    *count = is_enabled(&gpu) ? CONTROL_MIGS : 0;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMigDeviceHandleByIndex(nvmlDevice_t device, unsigned int index,
                                                 nvmlDevice_t *mig)
{
    struct gpu gpu;
    ENTER_GPU(device, &gpu, mig);
    if (index >= CONTROL_MIGS || !is_enabled(&gpu))
        return NVML_ERROR_INVALID_ARGUMENT;
    if (gpu.migs[index].present == 0)
        return NVML_ERROR_NOT_FOUND;
    *mig = &mig_devices[slot_of(device)][index];
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceIsMigDeviceHandle(nvmlDevice_t device, unsigned int *is)
{
    struct target target;
    ENTER_TARGET(device, &target, is);
    *is = target.mig != NULL;
    return NVML_SUCCESS;
}

#define GPU_INSTANCE(call, field)                                                                  \
    nvmlReturn_t call(nvmlDevice_t device, unsigned int *number)                                   \
    {                                                                                              \
        struct target target;                                                                      \
        ENTER_TARGET(device, &target, number);                                                     \
        if (target.mig == NULL)                                                                    \
            return NVML_ERROR_NOT_SUPPORTED;                                                       \
        *number = (unsigned int)target.mig->field;                                                 \
        return NVML_SUCCESS;                                                                       \
    }

GPU_INSTANCE(nvmlDeviceGetGpuInstanceId, gpu_instance)
GPU_INSTANCE(nvmlDeviceGetComputeInstanceId, compute_instance)

nvmlReturn_t nvmlDeviceGetDeviceHandleFromMigDeviceHandle(nvmlDevice_t mig, nvmlDevice_t *device)
{
    struct target target;
    unsigned int slot, place;
    ENTER_TARGET(mig, &target, device);
    if (!is_mig(mig, &slot, &place))
        return NVML_ERROR_INVALID_ARGUMENT;
    *device = handle_of(slot);
    return NVML_SUCCESS;
}
