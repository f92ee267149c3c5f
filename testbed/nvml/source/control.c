/* The control file: every call reads it afresh, so nothing is cached and nothing shared.
 *
 * It is replaced by rename: an open file is one version, whole. A call costs an open and two reads,
 * some microseconds, and is safe in any thread and after any fork. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control.h"

#define PATH_VARIABLE "RAILWATCH_NVML_CONTROL"

pthread_mutex_t state_lock = PTHREAD_MUTEX_INITIALIZER;

static char control_path[PATH_MAX];
static unsigned int started;

static void lock_state(void) { pthread_mutex_lock(&state_lock); }
static void unlock_state(void) { pthread_mutex_unlock(&state_lock); }

/* A fork must not happen while another thread holds the lock, or the child could never take it. */
__attribute__((constructor)) static void guard_forks(void)
{
    pthread_atfork(lock_state, unlock_state, unlock_state);
}

static nvmlReturn_t find_control(void)
{
    const char *path = getenv(PATH_VARIABLE);
    if (path == NULL || strlen(path) >= sizeof control_path)
        return NVML_ERROR_DRIVER_NOT_LOADED;
    memcpy(control_path, path, strlen(path) + 1);
    return NVML_SUCCESS;
}

nvmlReturn_t control_start(void)
{
    lock_state();
    nvmlReturn_t found = started > 0 ? NVML_SUCCESS : find_control();
    if (found == NVML_SUCCESS)
        __atomic_add_fetch(&started, 1, __ATOMIC_RELEASE);
    unlock_state();
    return found;
}

static void free_held(void)
{
    free_event_sets();
    free_gpm_samples();
}

nvmlReturn_t control_stop(void)
{
    lock_state();
    bool running = started > 0;
    if (running && __atomic_sub_fetch(&started, 1, __ATOMIC_RELEASE) == 0)
        free_held();
    unlock_state();
    return running ? NVML_SUCCESS : NVML_ERROR_UNINITIALIZED;
}

static nvmlReturn_t read_at(int file, size_t offset, void *into, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = pread(file, (char *)into + done, size - done, (off_t)(offset + done));
        if (got > 0)
            done += (size_t)got;
        else if (got == 0 || errno != EINTR)
            return NVML_ERROR_UNKNOWN;
    }
    return NVML_SUCCESS;
}

/* No text runs past its field, whatever the file holds. */
#define TERMINATE(text) ((text)[sizeof(text) - 1] = '\0')

static void terminate_rules(struct rule rules[CONTROL_RULES])
{
    for (unsigned int i = 0; i < CONTROL_RULES; i++)
        TERMINATE(rules[i].call);
}

static void terminate_license(struct license *license)
{
    TERMINATE(license->uuid);
    TERMINATE(license->product);
}

static void terminate_parts(struct gpu *gpu)
{
    for (unsigned int i = 0; i < CONTROL_MIGS; i++) {
        TERMINATE(gpu->migs[i].uuid);
        TERMINATE(gpu->migs[i].profile);
    }
    for (unsigned int i = 0; i < CONTROL_VGPUS; i++)
        terminate_license(&gpu->vgpus[i]);
    terminate_license(&gpu->license);
}

static bool is_valid(const struct node *node)
{
    return memcmp(node->magic, CONTROL_MAGIC, sizeof CONTROL_MAGIC) == 0 &&
           node->size == (int64_t)sizeof(struct control) && node->gpu_count >= 0 &&
           node->gpu_count <= CONTROL_GPUS && node->sequence >= 0;
}

static nvmlReturn_t read_valid(int file, struct node *node)
{
    TRY(read_at(file, offsetof(struct control, node), node, sizeof *node));
    TERMINATE(node->driver_version);
    TERMINATE(node->nvml_version);
    terminate_rules(node->rules);
    return is_valid(node) ? NVML_SUCCESS : NVML_ERROR_LIB_RM_VERSION_MISMATCH;
}

nvmlReturn_t control_open(int *file, struct node *node)
{
    if (__atomic_load_n(&started, __ATOMIC_ACQUIRE) == 0)
        return NVML_ERROR_UNINITIALIZED;
    *file = open(control_path, O_RDONLY | O_CLOEXEC);
    if (*file < 0)
        return errno == ENOENT ? NVML_ERROR_DRIVER_NOT_LOADED : NVML_ERROR_UNKNOWN;
    nvmlReturn_t read = read_valid(*file, node);
    if (read != NVML_SUCCESS)
        control_close(*file);
    return read;
}

nvmlReturn_t control_gpu(int file, unsigned int slot, struct gpu *gpu)
{
    TRY(read_at(file, offsetof(struct control, gpus) + slot * sizeof *gpu, gpu, sizeof *gpu));
    TERMINATE(gpu->uuid);
    TERMINATE(gpu->name);
    TERMINATE(gpu->serial);
    TERMINATE(gpu->vbios);
    terminate_rules(gpu->rules);
    terminate_parts(gpu);
    return NVML_SUCCESS;
}

nvmlReturn_t control_events(int file, struct event ring[CONTROL_EVENTS])
{
    return read_at(file, offsetof(struct control, events), ring, CONTROL_EVENTS * sizeof *ring);
}

void control_close(int file) { close(file); }

void stick(unsigned int slot)
{
    char path[PATH_MAX + sizeof CONTROL_STUCK + 16];
    const char *end = strrchr(control_path, '/');
    int folder = end == NULL ? 0 : (int)(end - control_path + 1);
    snprintf(path, sizeof path, "%.*s" CONTROL_STUCK "/gpu-%u", folder, control_path, slot);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file >= 0)
        close(file);
}

void sleep_ms(int64_t milliseconds)
{
    struct timespec rest = {milliseconds / 1000, (milliseconds % 1000) * 1000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &rest, &rest) == EINTR)
        continue;
}

int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

nvmlReturn_t tell(int64_t number, unsigned int *out)
{
    if (number == CONTROL_ABSENT)
        return NVML_ERROR_NOT_SUPPORTED;
    *out = (unsigned int)number;
    return NVML_SUCCESS;
}

nvmlReturn_t copy_text(const char *from, char *to, unsigned int length)
{
    size_t size = strlen(from) + 1;
    if (size > length)
        return NVML_ERROR_INSUFFICIENT_SIZE;
    memcpy(to, from, size);
    return NVML_SUCCESS;
}
