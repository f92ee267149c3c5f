/* What the processes on a GPU make it do, sampled just now. */
#include "control.h"

#include <time.h>

static unsigned long long now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (unsigned long long)now.tv_sec * 1000000 + (unsigned long long)now.tv_nsec / 1000;
}

nvmlReturn_t nvmlDeviceGetProcessUtilization(nvmlDevice_t device,
                                             nvmlProcessUtilizationSample_t *samples,
                                             unsigned int *count, unsigned long long since)
{
    struct gpu gpu;
    ENTER_GPU(device, &gpu, count);
    if (gpu.mig_mode == NVML_DEVICE_MIG_ENABLE)
        return NVML_ERROR_NOT_SUPPORTED;
    unsigned long long now = now_us();
    unsigned int found = 0, room = samples == NULL ? 0 : *count;
    for (unsigned int i = 0; i < CONTROL_PROCESSES && now > since; i++) {
        const struct process *process = &gpu.processes[i];
        if (process->kind == 0 || process->utilization == 0)
            continue;
        if (found < room)
            samples[found] = (nvmlProcessUtilizationSample_t){
                .pid = (unsigned int)process->pid,
                .timeStamp = now,
                .smUtil = (unsigned int)process->utilization,
            };
        found++;
    }
    *count = found;
    if (found == 0)
        return NVML_ERROR_NOT_FOUND;
    return found > room ? NVML_ERROR_INSUFFICIENT_SIZE : NVML_SUCCESS;
}
