/* The way into a call: which GPU is meant, and what the rules do to the call. */
#include <fnmatch.h>
#include <stdio.h>

#include "control.h"

#define HANG_POLL_MS 20

static struct nvmlDevice_st devices[CONTROL_GPUS];

nvmlDevice_t handle_of(unsigned int slot) { return &devices[slot]; }

unsigned int slot_of(nvmlDevice_t device)
{
    for (unsigned int slot = 0; slot < CONTROL_GPUS; slot++)
        if (device == &devices[slot])
            return slot;
    return CONTROL_GPUS;
}

bool is_present(const struct node *node, unsigned int slot)
{
    return slot < (uint64_t)node->gpu_count && ((uint64_t)node->present >> slot & 1) != 0;
}

static const struct rule *matching(const struct rule rules[CONTROL_RULES], const char *call)
{
    for (unsigned int i = 0; i < CONTROL_RULES; i++)
        if (rules[i].kind != CONTROL_PROCEED && fnmatch(rules[i].call, call, 0) == 0)
            return &rules[i];
    return NULL;
}

/* Carry out a rule that lets the call end; a call that hangs is entered again by its caller. */
static nvmlReturn_t obey(const struct rule *rule)
{
    if (rule == NULL)
        return NVML_SUCCESS;
    if (rule->kind == CONTROL_ERROR)
        return (nvmlReturn_t)rule->value;
    if (rule->kind == CONTROL_SLOW)
        sleep_ms(rule->value);
    return NVML_SUCCESS;
}

nvmlReturn_t obey_part(const struct gpu *gpu, const char *kind, unsigned int id)
{
    char name[sizeof gpu->rules->call];
    snprintf(name, sizeof name, "%s/%u", kind, id);
    const struct rule *rule = matching(gpu->rules, name);
    return rule != NULL && rule->kind == CONTROL_ERROR ? (nvmlReturn_t)rule->value : NVML_SUCCESS;
}

static bool hangs(const struct rule *rule)
{
    return rule != NULL && (rule->kind == CONTROL_HANG || rule->kind == CONTROL_STICK);
}

/* Wait a while before the rules are looked at again; where they say so, in the kernel. */
static void hang(const struct rule *rule, unsigned int slot)
{
    if (rule->kind == CONTROL_STICK)
        stick(slot);
    sleep_ms(HANG_POLL_MS);
}

nvmlReturn_t read_node(struct node *node)
{
    int file;
    TRY(control_open(&file, node));
    control_close(file);
    return NVML_SUCCESS;
}

nvmlReturn_t enter_node(const char *call, struct node *node)
{
    TRY(read_node(node));
    while (hangs(matching(node->rules, call))) {
        hang(matching(node->rules, call), CONTROL_GPUS);
        TRY(read_node(node));
    }
    return obey(matching(node->rules, call));
}

static nvmlReturn_t read_gpu(unsigned int slot, struct node *node, struct gpu *gpu)
{
    int file;
    TRY(control_open(&file, node));
    nvmlReturn_t read = control_gpu(file, slot, gpu);
    control_close(file);
    return read;
}

nvmlReturn_t obey_gpu_rules(const char *call, unsigned int slot, struct node *node,
                            struct gpu *gpu)
{
    TRY(read_gpu(slot, node, gpu));
    while (hangs(matching(gpu->rules, call))) {
        hang(matching(gpu->rules, call), slot);
        TRY(read_gpu(slot, node, gpu));
    }
    return obey(matching(gpu->rules, call));
}

/* Energy rises with the power that is drawn; the file holds it as it was at `energy_at`. */
static void advance_energy(struct gpu *gpu)
{
    int64_t elapsed = monotonic_ms() - gpu->energy_at;
    if (elapsed > 0)
        gpu->energy += (int64_t)((uint64_t)gpu->power * (uint64_t)elapsed / 1000);
}

nvmlReturn_t enter_slot(const char *call, unsigned int slot, struct gpu *gpu)
{
    struct node node;
    TRY(enter_node(call, &node));
    TRY(obey_gpu_rules(call, slot, &node, gpu));
    if (gpu->lost != 0 || !is_present(&node, slot))
        return NVML_ERROR_GPU_IS_LOST;
    advance_energy(gpu);
    return NVML_SUCCESS;
}

nvmlReturn_t enter_gpu(const char *call, nvmlDevice_t device, struct gpu *gpu)
{
    unsigned int slot = slot_of(device);
    if (slot >= CONTROL_GPUS)
        return NVML_ERROR_INVALID_ARGUMENT;
    return enter_slot(call, slot, gpu);
}
