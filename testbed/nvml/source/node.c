/* Functions about the node: start and end, versions, enumeration, handles. */
#include <stdlib.h>
#include <string.h>

#include "control.h"

/* Starting tolerates bad GPUs, as the real library does: it is lazy about them. */
static nvmlReturn_t start(const char *call)
{
    struct node node;
    TRY(control_start());
    nvmlReturn_t entered = enter_node(call, &node);
    if (entered != NVML_SUCCESS)
        control_stop();
    return entered;
}

nvmlReturn_t nvmlInit_v2(void) { return start(__func__); }

nvmlReturn_t nvmlInitWithFlags(unsigned int flags)
{
    (void)flags;
    return start(__func__);
}

nvmlReturn_t nvmlShutdown(void) { return control_stop(); }

#define NODE_TEXT(call, field)                                                                     \
    nvmlReturn_t call(char *text, unsigned int length)                                             \
    {                                                                                              \
        struct node node;                                                                          \
        ENTER_NODE(&node, text);                                                                   \
        return copy_text(node.field, text, length);                                                \
    }

NODE_TEXT(nvmlSystemGetDriverVersion, driver_version)
NODE_TEXT(nvmlSystemGetNVMLVersion, nvml_version)

#define NODE_INT(call, type, field)                                                                \
    nvmlReturn_t call(type *value)                                                                 \
    {                                                                                              \
        struct node node;                                                                          \
        ENTER_NODE(&node, value);                                                                  \
        *value = (type)node.field;                                                                 \
        return NVML_SUCCESS;                                                                       \
    }

NODE_INT(nvmlSystemGetCudaDriverVersion, int, cuda_version)
NODE_INT(nvmlSystemGetCudaDriverVersion_v2, int, cuda_version)

/* A lost GPU is still counted; a card that is not there is not. */
nvmlReturn_t nvmlDeviceGetCount_v2(unsigned int *count)
{
    struct node node;
    ENTER_NODE(&node, count);
    *count = 0;
    for (unsigned int slot = 0; slot < CONTROL_GPUS; slot++)
        *count += is_present(&node, slot);
    return NVML_SUCCESS;
}

/* A handle of a lost GPU is refused: GPU_IS_LOST, not that there never was such a GPU. */
static nvmlReturn_t give_handle(const char *call, unsigned int slot, nvmlDevice_t *device)
{
    struct gpu gpu;
    TRY(enter_slot(call, slot, &gpu));
    *device = handle_of(slot);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned int index, nvmlDevice_t *device)
{
    struct node node;
    TRY(read_node(&node));
    unsigned int seen = 0;
    for (unsigned int slot = 0; slot < CONTROL_GPUS && device != NULL; slot++)
        if (is_present(&node, slot) && seen++ == index)
            return give_handle(__func__, slot, device);
    return NVML_ERROR_INVALID_ARGUMENT;
}

/* Whether a GPU is the one that is looked for. */
typedef bool (*match)(const struct gpu *gpu, const void *wanted);

/* The slot of the GPU that matches; CONTROL_GPUS where none does. */
static nvmlReturn_t find_slot(match matches, const void *wanted, unsigned int *slot)
{
    struct node node;
    struct gpu gpu;
    int file;
    TRY(control_open(&file, &node));
    nvmlReturn_t read = NVML_SUCCESS;
    for (*slot = 0; *slot < CONTROL_GPUS; ++*slot) {
        read = control_gpu(file, *slot, &gpu);
        if (read != NVML_SUCCESS || (is_present(&node, *slot) && matches(&gpu, wanted)))
            break;
    }
    control_close(file);
    return read;
}

static nvmlReturn_t find(const char *call, match matches, const void *wanted, nvmlDevice_t *device)
{
    unsigned int slot;
    TRY(find_slot(matches, wanted, &slot));
    if (slot == CONTROL_GPUS)
        return NVML_ERROR_NOT_FOUND;
    return give_handle(call, slot, device);
}

static bool has_uuid(const struct gpu *gpu, const void *uuid) { return strcmp(gpu->uuid, uuid) == 0; }

nvmlReturn_t nvmlDeviceGetHandleByUUID(const char *uuid, nvmlDevice_t *device)
{
    if (uuid == NULL || device == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    return find(__func__, has_uuid, uuid, device);
}

struct address {
    unsigned long domain, bus, device;
};

static bool has_address(const struct gpu *gpu, const void *wanted)
{
    const struct address *address = wanted;
    return (unsigned long)gpu->pci_domain == address->domain &&
           (unsigned long)gpu->pci_bus == address->bus &&
           (unsigned long)gpu->pci_device == address->device;
}

/* domain:bus:device.function, domain:bus:device or bus:device.function, all in hexadecimal. */
static bool parse_address(const char *text, struct address *address)
{
    unsigned long parts[3] = {0};
    unsigned int count = 0;
    char *end = NULL;
    do {
        parts[count++] = strtoul(text, &end, 16);
        if (end == text)
            return false;
        text = end + 1;
    } while (count < 3 && *end == ':');
    bool with_function = *end == '.';
    if (with_function)
        strtoul(text, &end, 16);
    if (*end != '\0' || count < 2 || (count == 2 && !with_function))
        return false;
    bool full = count == 3;
    *address = (struct address){full ? parts[0] : 0, parts[count - 2], parts[count - 1]};
    return true;
}

nvmlReturn_t nvmlDeviceGetHandleByPciBusId_v2(const char *bus_id, nvmlDevice_t *device)
{
    struct address address;
    if (bus_id == NULL || device == NULL || !parse_address(bus_id, &address))
        return NVML_ERROR_INVALID_ARGUMENT;
    return find(__func__, has_address, &address, device);
}
