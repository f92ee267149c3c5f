/* Functions about one GPU. A plain value is one line: add its field in layout.py, its getter here. */
#include <stdio.h>

#include "control.h"

#define GPU_TEXT(call, field)                                                                      \
    nvmlReturn_t call(nvmlDevice_t device, char *text, unsigned int length)                        \
    {                                                                                              \
        struct gpu gpu;                                                                            \
        ENTER_GPU(device, &gpu, text);                                                             \
        return copy_text(gpu.field, text, length);                                                 \
    }

GPU_TEXT(nvmlDeviceGetSerial, serial)
GPU_TEXT(nvmlDeviceGetVbiosVersion, vbios)

nvmlReturn_t nvmlDeviceGetUUID(nvmlDevice_t device, char *uuid, unsigned int length)
{
    struct target target;
    ENTER_TARGET(device, &target, uuid);
    return copy_text(target.mig == NULL ? target.gpu.uuid : target.mig->uuid, uuid, length);
}

nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t device, char *name, unsigned int length)
{
    struct target target;
    char both[sizeof target.gpu.name + sizeof target.mig->profile + sizeof " MIG "];
    ENTER_TARGET(device, &target, name);
    if (target.mig == NULL)
        return copy_text(target.gpu.name, name, length);
    snprintf(both, sizeof both, "%s MIG %s", target.gpu.name, target.mig->profile);
    return copy_text(both, name, length);
}

#define GPU_VALUE(call, type, field)                                                               \
    nvmlReturn_t call(nvmlDevice_t device, type *value)                                            \
    {                                                                                              \
        struct gpu gpu;                                                                            \
        ENTER_GPU(device, &gpu, value);                                                            \
        *value = (type)gpu.field;                                                                  \
        return NVML_SUCCESS;                                                                       \
    }

GPU_VALUE(nvmlDeviceGetMinorNumber, unsigned int, minor)
GPU_VALUE(nvmlDeviceGetPowerUsage, unsigned int, power)
GPU_VALUE(nvmlDeviceGetEnforcedPowerLimit, unsigned int, power_limit)
GPU_VALUE(nvmlDeviceGetPowerManagementLimit, unsigned int, power_limit)
GPU_VALUE(nvmlDeviceGetTotalEnergyConsumption, unsigned long long, energy)
GPU_VALUE(nvmlDeviceGetPersistenceMode, nvmlEnableState_t, persistence_mode)
GPU_VALUE(nvmlDeviceGetPerformanceState, nvmlPstates_t, performance_state)
GPU_VALUE(nvmlDeviceGetSupportedEventTypes, unsigned long long, event_types)

/* The current mode is the pending one: a simulated GPU changes modes at once. */
#define GPU_MODE(call, type, field)                                                                \
    nvmlReturn_t call(nvmlDevice_t device, type *current, type *pending)                           \
    {                                                                                              \
        struct gpu gpu;                                                                            \
        ENTER_GPU(device, &gpu, current);                                                          \
        if (pending == NULL)                                                                       \
            return NVML_ERROR_INVALID_ARGUMENT;                                                    \
        *current = *pending = (type)gpu.field;                                                     \
        return NVML_SUCCESS;                                                                       \
    }

GPU_MODE(nvmlDeviceGetEccMode, nvmlEnableState_t, ecc_mode)

nvmlReturn_t nvmlDeviceGetIndex(nvmlDevice_t device, unsigned int *index)
{
    struct gpu gpu;
    struct node node;
    ENTER_GPU(device, &gpu, index);
    TRY(read_node(&node));
    *index = 0;
    for (unsigned int slot = 0; slot < slot_of(device); slot++)
        *index += is_present(&node, slot);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetPciInfo_v3(nvmlDevice_t device, nvmlPciInfo_t *pci)
{
    struct gpu gpu;
    ENTER_GPU(device, &gpu, pci);
    unsigned int domain = (unsigned int)gpu.pci_domain & 0xFFFF;
    unsigned int bus = (unsigned int)gpu.pci_bus & 0xFF;
    unsigned int card = (unsigned int)gpu.pci_device & 0x1F;
    *pci = (nvmlPciInfo_t){.domain = domain, .bus = bus, .device = card};
    pci->pciDeviceId = (unsigned int)gpu.pci_device_id;
    pci->pciSubSystemId = (unsigned int)gpu.pci_subsystem_id;
    snprintf(pci->busIdLegacy, sizeof pci->busIdLegacy, NVML_DEVICE_PCI_BUS_ID_LEGACY_FMT, domain,
             bus, card);
    snprintf(pci->busId, sizeof pci->busId, NVML_DEVICE_PCI_BUS_ID_FMT, domain, bus, card);
    return NVML_SUCCESS;
}

static nvmlMemory_v2_t memory_of(const struct target *target)
{
    const struct mig *mig = target->mig;
    nvmlMemory_v2_t memory = {.version = nvmlMemory_v2};
    memory.total = (unsigned long long)(mig ? mig->memory_total : target->gpu.memory_total);
    memory.reserved =
        (unsigned long long)(mig ? mig->memory_reserved : target->gpu.memory_reserved);
    memory.used = (unsigned long long)(mig ? mig->memory_used : target->gpu.memory_used);
    memory.free = memory.total - memory.used - memory.reserved;
    return memory;
}

/* The first form of the call counts what driver and firmware reserve as used. */
nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t device, nvmlMemory_t *memory)
{
    struct target target;
    ENTER_TARGET(device, &target, memory);
    nvmlMemory_v2_t told = memory_of(&target);
    memory->total = told.total;
    memory->used = told.used + told.reserved;
    memory->free = told.free;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t device, nvmlMemory_v2_t *memory)
{
    struct target target;
    ENTER_TARGET(device, &target, memory);
    if (memory->version != nvmlMemory_v2)
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    *memory = memory_of(&target);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetUtilizationRates(nvmlDevice_t device, nvmlUtilization_t *utilization)
{
    struct gpu gpu;
    ENTER_GPU(device, &gpu, utilization);
    if (gpu.mig_mode == NVML_DEVICE_MIG_ENABLE)
        return NVML_ERROR_NOT_SUPPORTED;
    utilization->gpu = (unsigned int)gpu.utilization;
    utilization->memory = (unsigned int)gpu.memory_utilization;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetTemperature(nvmlDevice_t device, nvmlTemperatureSensors_t sensor,
                                      unsigned int *temperature)
{
    struct gpu gpu;
    ENTER_GPU(device, &gpu, temperature);
    if (sensor != NVML_TEMPERATURE_GPU)
        return NVML_ERROR_INVALID_ARGUMENT;
    *temperature = (unsigned int)gpu.temperature;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetTemperatureV(nvmlDevice_t device, nvmlTemperature_t *temperature)
{
    struct gpu gpu;
    ENTER_GPU(device, &gpu, temperature);
    if (temperature->version != nvmlTemperature_v1)
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    if (temperature->sensorType != NVML_TEMPERATURE_GPU)
        return NVML_ERROR_INVALID_ARGUMENT;
    temperature->temperature = (int)gpu.temperature;
    return NVML_SUCCESS;
}

static nvmlReturn_t pick_clock(nvmlClockType_t type, const int64_t clocks[NVML_CLOCK_COUNT],
                               unsigned int *clock)
{
    if ((unsigned int)type >= NVML_CLOCK_COUNT)
        return NVML_ERROR_INVALID_ARGUMENT;
    *clock = (unsigned int)clocks[type];
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetClockInfo(nvmlDevice_t device, nvmlClockType_t type, unsigned int *clock)
{
    struct gpu gpu;
    ENTER_GPU(device, &gpu, clock);
    const int64_t clocks[NVML_CLOCK_COUNT] = {
        [NVML_CLOCK_GRAPHICS] = gpu.clock_graphics,
        [NVML_CLOCK_SM] = gpu.clock_sm,
        [NVML_CLOCK_MEM] = gpu.clock_memory,
        [NVML_CLOCK_VIDEO] = gpu.clock_video,
    };
    return pick_clock(type, clocks, clock);
}

nvmlReturn_t nvmlDeviceGetMaxClockInfo(nvmlDevice_t device, nvmlClockType_t type,
                                       unsigned int *clock)
{
    struct gpu gpu;
    ENTER_GPU(device, &gpu, clock);
    const int64_t clocks[NVML_CLOCK_COUNT] = {
        [NVML_CLOCK_GRAPHICS] = gpu.clock_graphics_max,
        [NVML_CLOCK_SM] = gpu.clock_sm_max,
        [NVML_CLOCK_MEM] = gpu.clock_memory_max,
        [NVML_CLOCK_VIDEO] = gpu.clock_video_max,
    };
    return pick_clock(type, clocks, clock);
}
