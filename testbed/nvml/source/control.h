/* What every function of the simulated library stands on: the control file and the way into a call. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#pragma GCC visibility push(default)
#include <nvml.h>
#pragma GCC visibility pop

#include "control_layout.h"

/* A handle is the address of its slot's entry in a table; nothing is kept there. */
struct nvmlDevice_st {
    char place;
};

/* Guards the count of nvmlInit and the event sets; held for moments, never while a call waits. */
extern pthread_mutex_t state_lock;

/* One version of the control file, held open; each part that is read comes from that version. */
nvmlReturn_t control_open(int *file, struct node *node);
nvmlReturn_t control_gpu(int file, unsigned int slot, struct gpu *gpu);
nvmlReturn_t control_events(int file, struct event ring[CONTROL_EVENTS]);
void control_close(int file);

nvmlReturn_t control_start(void);
nvmlReturn_t control_stop(void);

/* What NVML holds until its last nvmlShutdown; called with the lock held. */
void free_event_sets(void);
void free_gpm_samples(void);

/* The node without regard to rules: for a call that has been entered, or will be. */
nvmlReturn_t read_node(struct node *node);

/* Each call begins with one of these: they carry out the rules for the call of this name, first the
 * node's, then the GPU's. The last one does the GPU's alone, be it lost or not. */
nvmlReturn_t enter_node(const char *call, struct node *node);
nvmlReturn_t enter_gpu(const char *call, nvmlDevice_t device, struct gpu *gpu);
nvmlReturn_t enter_slot(const char *call, unsigned int slot, struct gpu *gpu);
nvmlReturn_t obey_gpu_rules(const char *call, unsigned int slot, struct node *node,
                            struct gpu *gpu);

/* What a handle means: a GPU, or with `mig` one of the MIG devices in it. */
struct target {
    struct gpu gpu;
    const struct mig *mig;
};
nvmlReturn_t enter_target(const char *call, nvmlDevice_t device, struct target *target);

/* What a rule for a part of an answer, such as field/230, has it return. */
nvmlReturn_t obey_part(const struct gpu *gpu, const char *kind, unsigned int id);

/* The handle of a slot; the slot of a handle, CONTROL_GPUS where it is none of ours. */
nvmlDevice_t handle_of(unsigned int slot);
unsigned int slot_of(nvmlDevice_t device);
bool is_present(const struct node *node, unsigned int slot);

/* Fill the value of a field that is a link's, with the link in its scope; false where it is none. */
bool fill_link_field(const struct gpu *gpu, nvmlFieldValue_t *value);
bool fill_c2c_field(const struct gpu *gpu, nvmlFieldValue_t *value);
bool fill_lane_field(const struct gpu *gpu, nvmlFieldValue_t *value);

/* Hands out a number that a card may not have. */
nvmlReturn_t tell(int64_t number, unsigned int *out);
nvmlReturn_t copy_text(const char *from, char *to, unsigned int length);
void sleep_ms(int64_t milliseconds);

/* Read from the file system that never answers; it returns when that lets go. */
void stick(unsigned int slot);
int64_t monotonic_ms(void);

/* Return what a step returns, unless it succeeds. */
#define TRY(step)                                                                                  \
    do {                                                                                           \
        nvmlReturn_t tried = (step);                                                               \
        if (tried != NVML_SUCCESS)                                                                 \
            return tried;                                                                          \
    } while (0)

/* Opens a function about the node; `out` is what it fills. */
#define ENTER_NODE(node, out)                                                                      \
    TRY(enter_node(__func__, node));                                                               \
    TRY((out) == NULL ? NVML_ERROR_INVALID_ARGUMENT : NVML_SUCCESS)

/* Opens a function about a GPU; `out` is what it fills. */
#define ENTER_GPU(device, gpu, out)                                                                \
    TRY(enter_gpu(__func__, device, gpu));                                                         \
    TRY((out) == NULL ? NVML_ERROR_INVALID_ARGUMENT : NVML_SUCCESS)

/* Opens a function about a GPU or a MIG device. */
#define ENTER_TARGET(device, target, out)                                                          \
    TRY(enter_target(__func__, device, target));                                                   \
    TRY((out) == NULL ? NVML_ERROR_INVALID_ARGUMENT : NVML_SUCCESS)

/* A function that hands out one number, which a card may not have. */
#define GPU_NUMBER(call, field)                                                                    \
    nvmlReturn_t call(nvmlDevice_t device, unsigned int *number)                                   \
    {                                                                                              \
        struct gpu gpu;                                                                            \
        ENTER_GPU(device, &gpu, number);                                                           \
        return tell(gpu.field, number);                                                            \
    }
