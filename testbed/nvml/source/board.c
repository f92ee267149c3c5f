/* Thresholds, fans, compute mode, BAR1 and media engines. */
#include "control.h"

nvmlReturn_t nvmlDeviceGetTemperatureThreshold(nvmlDevice_t device,
                                               nvmlTemperatureThresholds_t threshold,
                                               unsigned int *temperature)
{
    struct gpu gpu;
    ENTER_GPU(device, &gpu, temperature);
    switch (threshold) {
    case NVML_TEMPERATURE_THRESHOLD_SHUTDOWN:
        return tell(gpu.temperature_shutdown, temperature);
    case NVML_TEMPERATURE_THRESHOLD_SLOWDOWN:
        return tell(gpu.temperature_slowdown, temperature);
    case NVML_TEMPERATURE_THRESHOLD_MEM_MAX:
        return tell(gpu.temperature_memory_max, temperature);
    case NVML_TEMPERATURE_THRESHOLD_GPU_MAX:
        return tell(gpu.temperature_gpu_max, temperature);
    default:
        return NVML_ERROR_NOT_SUPPORTED;
    }
}

nvmlReturn_t nvmlDeviceGetMarginTemperature(nvmlDevice_t device, nvmlMarginTemperature_t *margin)
{
    struct gpu gpu;
    ENTER_GPU(device, &gpu, margin);
    if (margin->version != nvmlMarginTemperature_v1)
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    if (gpu.temperature_margin == CONTROL_NONE_SIGNED)
        return NVML_ERROR_NOT_SUPPORTED;
    margin->marginTemperature = (int)gpu.temperature_margin;
    return NVML_SUCCESS;
}

GPU_NUMBER(nvmlDeviceGetNumFans, fans)

nvmlReturn_t nvmlDeviceGetFanSpeed_v2(nvmlDevice_t device, unsigned int fan, unsigned int *speed)
{
    struct gpu gpu;
    ENTER_GPU(device, &gpu, speed);
    if (fan >= gpu.fans)
        return NVML_ERROR_INVALID_ARGUMENT;
    return tell(gpu.fan_speed, speed);
}

nvmlReturn_t nvmlDeviceGetComputeMode(nvmlDevice_t device, nvmlComputeMode_t *mode)
{
    struct gpu gpu;
    unsigned int number;
    ENTER_GPU(device, &gpu, mode);
    TRY(tell(gpu.compute_mode, &number));
    *mode = (nvmlComputeMode_t)number;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetBAR1MemoryInfo(nvmlDevice_t device, nvmlBAR1Memory_t *bar1)
{
    struct gpu gpu;
    ENTER_GPU(device, &gpu, bar1);
    if (gpu.bar1_total == CONTROL_ABSENT)
        return NVML_ERROR_NOT_SUPPORTED;
    bar1->bar1Total = (unsigned long long)gpu.bar1_total;
    bar1->bar1Used = (unsigned long long)gpu.bar1_used;
    bar1->bar1Free = bar1->bar1Total - bar1->bar1Used;
    return NVML_SUCCESS;
}

#define SAMPLING_PERIOD_US 167000

/* NVML does not tell of its engines under MIG. */
#define GPU_ENGINE(call, field)                                                                    \
    nvmlReturn_t call(nvmlDevice_t device, unsigned int *percent, unsigned int *period)            \
    {                                                                                              \
        struct gpu gpu;                                                                            \
        ENTER_GPU(device, &gpu, percent);                                                          \
        if (period == NULL)                                                                        \
            return NVML_ERROR_INVALID_ARGUMENT;                                                    \
        if (gpu.mig_mode == NVML_DEVICE_MIG_ENABLE)                                                \
            return NVML_ERROR_NOT_SUPPORTED;                                                       \
        *period = SAMPLING_PERIOD_US;                                                              \
        return tell(gpu.field, percent);                                                           \
    }

GPU_ENGINE(nvmlDeviceGetEncoderUtilization, encoder_utilization)
GPU_ENGINE(nvmlDeviceGetDecoderUtilization, decoder_utilization)
GPU_ENGINE(nvmlDeviceGetJpgUtilization, jpeg_utilization)
GPU_ENGINE(nvmlDeviceGetOfaUtilization, ofa_utilization)
