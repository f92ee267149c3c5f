/* The processes on a GPU or on one of its MIG devices. */
#include "control.h"

static bool is_of(const struct process *process, const struct target *target)
{
    return target->mig == NULL || (process->gpu_instance == target->mig->gpu_instance &&
                                   process->compute_instance == target->mig->compute_instance);
}

static nvmlProcessInfo_t told(const struct process *process)
{
    bool known = process->memory != CONTROL_ABSENT;
    return (nvmlProcessInfo_t){
        .pid = (unsigned int)process->pid,
        .usedGpuMemory = known ? (unsigned long long)process->memory
                               : (unsigned long long)NVML_VALUE_NOT_AVAILABLE,
        .gpuInstanceId = (unsigned int)process->gpu_instance,
        .computeInstanceId = (unsigned int)process->compute_instance,
    };
}

static nvmlReturn_t list(const struct target *target, int64_t kind, unsigned int *count,
                         nvmlProcessInfo_t *infos)
{
    unsigned int found = 0, room = *count;
    for (unsigned int i = 0; i < CONTROL_PROCESSES; i++) {
        const struct process *process = &target->gpu.processes[i];
        if (process->kind != kind || !is_of(process, target))
            continue;
        if (found < room && infos != NULL)
            infos[found] = told(process);
        found++;
    }
    *count = found;
    return found > room ? NVML_ERROR_INSUFFICIENT_SIZE : NVML_SUCCESS;
}

#define GPU_PROCESSES(call, kind)                                                                  \
    nvmlReturn_t call(nvmlDevice_t device, unsigned int *count, nvmlProcessInfo_t *infos)          \
    {                                                                                              \
        struct target target;                                                                      \
        ENTER_TARGET(device, &target, count);                                                      \
        return list(&target, kind, count, infos);                                                  \
    }

GPU_PROCESSES(nvmlDeviceGetComputeRunningProcesses_v3, CONTROL_COMPUTE)
GPU_PROCESSES(nvmlDeviceGetGraphicsRunningProcesses_v3, CONTROL_GRAPHICS)
GPU_PROCESSES(nvmlDeviceGetMPSComputeRunningProcesses_v3, CONTROL_MPS)
