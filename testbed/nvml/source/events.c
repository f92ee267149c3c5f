/* Events: each set has its own cursor into the ring, so each hears every event after registration. */
#include "control.h"

#define WAIT_POLL_MS 20

struct nvmlEventSet_st {
    bool used;
    int64_t cursor;                /* number of the last event this set looked at */
    uint64_t types[CONTROL_GPUS];  /* registered, by slot; 0: not registered */
    int64_t since[CONTROL_GPUS];   /* number of the last event before the registration */
};

static struct nvmlEventSet_st sets[CONTROL_SETS];

static bool is_set(nvmlEventSet_t set)
{
    for (unsigned int i = 0; i < CONTROL_SETS; i++)
        if (set == &sets[i])
            return sets[i].used;
    return false;
}

static nvmlEventSet_t take_free_set(int64_t cursor)
{
    for (unsigned int i = 0; i < CONTROL_SETS; i++) {
        if (sets[i].used)
            continue;
        sets[i] = (struct nvmlEventSet_st){.used = true, .cursor = cursor};
        return &sets[i];
    }
    return NULL;
}

nvmlReturn_t nvmlEventSetCreate(nvmlEventSet_t *set)
{
    struct node node;
    ENTER_NODE(&node, set);
    pthread_mutex_lock(&state_lock);
    *set = take_free_set(node.sequence);
    pthread_mutex_unlock(&state_lock);
    return *set == NULL ? NVML_ERROR_INSUFFICIENT_RESOURCES : NVML_SUCCESS;
}

nvmlReturn_t nvmlEventSetFree(nvmlEventSet_t set)
{
    struct node node;
    ENTER_NODE(&node, set);
    pthread_mutex_lock(&state_lock);
    bool valid = is_set(set);
    if (valid)
        set->used = false;
    pthread_mutex_unlock(&state_lock);
    return valid ? NVML_SUCCESS : NVML_ERROR_INVALID_ARGUMENT;
}

void free_event_sets(void)
{
    for (unsigned int i = 0; i < CONTROL_SETS; i++)
        sets[i].used = false;
}

/* One unsupported type registers none, as the header has it. */
nvmlReturn_t nvmlDeviceRegisterEvents(nvmlDevice_t device, unsigned long long types,
                                      nvmlEventSet_t set)
{
    struct gpu gpu;
    struct node node;
    ENTER_GPU(device, &gpu, set);
    TRY(read_node(&node));
    if ((types & ~(unsigned long long)gpu.event_types) != 0)
        return NVML_ERROR_NOT_SUPPORTED;
    unsigned int slot = slot_of(device);
    pthread_mutex_lock(&state_lock);
    bool valid = is_set(set);
    if (valid && set->types[slot] == 0)
        set->since[slot] = node.sequence;
    if (valid)
        set->types[slot] |= types;
    pthread_mutex_unlock(&state_lock);
    return valid ? NVML_SUCCESS : NVML_ERROR_INVALID_ARGUMENT;
}

static bool wants(const struct nvmlEventSet_st *set, const struct event *event)
{
    if (event->gpu < 0 || event->gpu >= CONTROL_GPUS)
        return false;
    return event->sequence > set->since[event->gpu] &&
           (set->types[event->gpu] & (uint64_t)event->type) != 0;
}

static bool is_registered(nvmlEventSet_t set, unsigned int slot)
{
    pthread_mutex_lock(&state_lock);
    bool registered = is_set(set) && set->types[slot] != 0;
    pthread_mutex_unlock(&state_lock);
    return registered;
}

/* Move the cursor to the next event that the set wants, or to the end. */
static bool advance(nvmlEventSet_t set, const struct event *ring, int64_t last,
                    struct event *found)
{
    if (set->cursor < last - CONTROL_EVENTS)
        set->cursor = last - CONTROL_EVENTS;
    while (set->cursor < last) {
        set->cursor++;
        const struct event *event = &ring[set->cursor % CONTROL_EVENTS];
        if (event->sequence != set->cursor || !wants(set, event))
            continue;
        *found = *event;
        return true;
    }
    return false;
}

static nvmlReturn_t next_event(nvmlEventSet_t set, struct event *found)
{
    struct node node;
    struct event ring[CONTROL_EVENTS];
    int file;
    TRY(control_open(&file, &node));
    nvmlReturn_t read = control_events(file, ring);
    control_close(file);
    TRY(read);
    pthread_mutex_lock(&state_lock);
    nvmlReturn_t result = NVML_ERROR_INVALID_ARGUMENT;
    if (is_set(set))
        result = advance(set, ring, node.sequence, found) ? NVML_SUCCESS : NVML_ERROR_TIMEOUT;
    pthread_mutex_unlock(&state_lock);
    return result;
}

static nvmlReturn_t enter_wait(const char *call, nvmlEventSet_t set)
{
    struct node node;
    struct gpu gpu;
    TRY(enter_node(call, &node));
    for (unsigned int slot = 0; slot < CONTROL_GPUS; slot++)
        if (is_registered(set, slot))
            TRY(obey_gpu_rules(call, slot, &node, &gpu));
    return NVML_SUCCESS;
}

static nvmlReturn_t wait_event(const char *call, nvmlEventSet_t set, unsigned int timeoutms,
                               struct event *found)
{
    TRY(enter_wait(call, set));
    /* The clock is cut to whole milliseconds; one more, so that no wait is too short. */
    int64_t deadline = monotonic_ms() + timeoutms + (timeoutms > 0);
    for (;;) {
        nvmlReturn_t result = next_event(set, found);
        int64_t left = deadline - monotonic_ms();
        if (result != NVML_ERROR_TIMEOUT || left <= 0)
            return result;
        sleep_ms(left < WAIT_POLL_MS ? left : WAIT_POLL_MS);
    }
}

nvmlReturn_t nvmlEventSetWait_v2(nvmlEventSet_t set, nvmlEventData_t *data, unsigned int timeoutms)
{
    if (data == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    struct event found;
    TRY(wait_event(__func__, set, timeoutms, &found));
    *data = (nvmlEventData_t){
        .device = handle_of((unsigned int)found.gpu),
        .eventType = (unsigned long long)found.type,
        .eventData = (unsigned long long)found.data,
        .gpuInstanceId = NVML_GPU_INSTANCE_ID_ANY,
        .computeInstanceId = NVML_COMPUTE_INSTANCE_ID_ANY,
    };
    return NVML_SUCCESS;
}

/* Of the structured events it knows none: what it tells is what was registered by event bits. */
nvmlReturn_t nvmlEventSetWait_v3(nvmlEventSet_t set, nvmlEventSetWait_v3_t *params)
{
    if (params == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    struct event found;
    TRY(wait_event(__func__, set, params->timeoutMs, &found));
    *params = (nvmlEventSetWait_v3_t){
        .timeoutMs = params->timeoutMs,
        .dataType = NVML_EVENT_DATA_TYPE_NVML_EVENT,
        .eventType = (unsigned long long)found.type,
        .eventData = (unsigned long long)found.data,
        .timestampUsec = (unsigned long long)found.time,
        .gpuInstanceId = NVML_GPU_INSTANCE_ID_ANY,
        .computeInstanceId = NVML_COMPUTE_INSTANCE_ID_ANY,
    };
    return NVML_SUCCESS;
}
