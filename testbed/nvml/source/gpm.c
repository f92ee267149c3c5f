/* GPM: rates between two samples that the program takes itself, Hopper and newer.
 *
 * A simulated rate is what the newer of the two samples saw. */
#include <string.h>

#include "control.h"

struct nvmlGpmSample_st {
    bool used;
    int64_t order;
    unsigned int slot;
    int64_t instance;
    double rates[CONTROL_GPM];
};

static struct nvmlGpmSample_st samples[CONTROL_SAMPLES];
static int64_t taken;

static const struct {
    unsigned int id, place;
} metrics[] = {
    {NVML_GPM_METRIC_GRAPHICS_UTIL, CONTROL_GPM_GRAPHICS_ACTIVE},
    {NVML_GPM_METRIC_SM_UTIL, CONTROL_GPM_SM_ACTIVE},
    {NVML_GPM_METRIC_SM_OCCUPANCY, CONTROL_GPM_SM_OCCUPANCY},
    {NVML_GPM_METRIC_INTEGER_UTIL, CONTROL_GPM_INTEGER_ACTIVE},
    {NVML_GPM_METRIC_ANY_TENSOR_UTIL, CONTROL_GPM_TENSOR_ACTIVE},
    {NVML_GPM_METRIC_DFMA_TENSOR_UTIL, CONTROL_GPM_DFMA_ACTIVE},
    {NVML_GPM_METRIC_HMMA_TENSOR_UTIL, CONTROL_GPM_HMMA_ACTIVE},
    {NVML_GPM_METRIC_DMMA_TENSOR_UTIL, CONTROL_GPM_DMMA_ACTIVE},
    {NVML_GPM_METRIC_IMMA_TENSOR_UTIL, CONTROL_GPM_IMMA_ACTIVE},
    {NVML_GPM_METRIC_DRAM_BW_UTIL, CONTROL_GPM_DRAM_ACTIVE},
    {NVML_GPM_METRIC_FP64_UTIL, CONTROL_GPM_FP64_ACTIVE},
    {NVML_GPM_METRIC_FP32_UTIL, CONTROL_GPM_FP32_ACTIVE},
    {NVML_GPM_METRIC_FP16_UTIL, CONTROL_GPM_FP16_ACTIVE},
    {NVML_GPM_METRIC_PCIE_TX_PER_SEC, CONTROL_GPM_PCIE_SENT},
    {NVML_GPM_METRIC_PCIE_RX_PER_SEC, CONTROL_GPM_PCIE_RECEIVED},
    {NVML_GPM_METRIC_NVLINK_TOTAL_RX_PER_SEC, CONTROL_GPM_NVLINK_RECEIVED},
    {NVML_GPM_METRIC_NVLINK_TOTAL_TX_PER_SEC, CONTROL_GPM_NVLINK_SENT},
};

void free_gpm_samples(void) { memset(samples, 0, sizeof samples); }

static nvmlGpmSample_t unused(void)
{
    for (unsigned int i = 0; i < CONTROL_SAMPLES; i++)
        if (!samples[i].used)
            return &samples[i];
    return NULL;
}

static bool is_sample(nvmlGpmSample_t sample)
{
    for (unsigned int i = 0; i < CONTROL_SAMPLES; i++)
        if (sample == &samples[i])
            return sample->used;
    return false;
}

nvmlReturn_t nvmlGpmSampleAlloc(nvmlGpmSample_t *sample)
{
    struct node node;
    ENTER_NODE(&node, sample);
    pthread_mutex_lock(&state_lock);
    *sample = unused();
    if (*sample != NULL)
        **sample = (struct nvmlGpmSample_st){.used = true};
    pthread_mutex_unlock(&state_lock);
    return *sample == NULL ? NVML_ERROR_MEMORY : NVML_SUCCESS;
}

nvmlReturn_t nvmlGpmSampleFree(nvmlGpmSample_t sample)
{
    struct node node;
    ENTER_NODE(&node, sample);
    pthread_mutex_lock(&state_lock);
    bool known = is_sample(sample);
    if (known)
        sample->used = false;
    pthread_mutex_unlock(&state_lock);
    return known ? NVML_SUCCESS : NVML_ERROR_INVALID_ARGUMENT;
}

nvmlReturn_t nvmlGpmQueryDeviceSupport(nvmlDevice_t device, nvmlGpmSupport_t *support)
{
    struct target target;
    ENTER_TARGET(device, &target, support);
    if (support->version != NVML_GPM_SUPPORT_VERSION)
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    return tell(target.gpu.gpm_supported, &support->isSupportedDevice);
}

static nvmlReturn_t take(unsigned int slot, const struct gpu *gpu, const struct mig *mig,
                         nvmlGpmSample_t sample)
{
    if (gpu->gpm_supported != 1)
        return NVML_ERROR_NOT_SUPPORTED;
    pthread_mutex_lock(&state_lock);
    bool known = is_sample(sample);
    if (known) {
        sample->order = ++taken;
        sample->slot = slot;
        sample->instance = mig == NULL ? CONTROL_ABSENT : mig->gpu_instance;
        memcpy(sample->rates, mig == NULL ? gpu->gpm : mig->gpm, sizeof sample->rates);
    }
    pthread_mutex_unlock(&state_lock);
    return known ? NVML_SUCCESS : NVML_ERROR_INVALID_ARGUMENT;
}

/* A GPU that is divided has no rates of its own. */
nvmlReturn_t nvmlGpmSampleGet(nvmlDevice_t device, nvmlGpmSample_t sample)
{
    struct gpu gpu;
    ENTER_GPU(device, &gpu, sample);
    if (gpu.mig_mode == NVML_DEVICE_MIG_ENABLE)
        return NVML_ERROR_NOT_SUPPORTED;
    return take(slot_of(device), &gpu, NULL, sample);
}

nvmlReturn_t nvmlGpmMigSampleGet(nvmlDevice_t device, unsigned int instance, nvmlGpmSample_t sample)
{
    struct gpu gpu;
    ENTER_GPU(device, &gpu, sample);
    for (unsigned int i = 0; i < CONTROL_MIGS && gpu.mig_mode == NVML_DEVICE_MIG_ENABLE; i++)
        if (gpu.migs[i].present != 0 && gpu.migs[i].gpu_instance == instance)
            return take(slot_of(device), &gpu, &gpu.migs[i], sample);
    return NVML_ERROR_INVALID_ARGUMENT;
}

static void compute(const struct gpu *gpu, const struct nvmlGpmSample_st *sample,
                    nvmlGpmMetric_t *metric)
{
    metric->nvmlReturn = NVML_ERROR_NOT_SUPPORTED;
    for (unsigned int i = 0; i < sizeof metrics / sizeof *metrics; i++) {
        if (metrics[i].id != metric->metricId)
            continue;
        metric->value = sample->rates[metrics[i].place];
        if (metric->value < CONTROL_ABSENT || metric->value > CONTROL_ABSENT ||
            metric->value != metric->value)
            metric->nvmlReturn = obey_part(gpu, "gpm", metric->metricId);
    }
}

/* Whether two samples are of one GPU or instance, the older one first. */
static bool is_pair(nvmlGpmSample_t older, nvmlGpmSample_t newer)
{
    return is_sample(older) && is_sample(newer) && older->order > 0 &&
           older->order < newer->order && older->slot == newer->slot &&
           older->instance == newer->instance;
}

nvmlReturn_t nvmlGpmMetricsGet(nvmlGpmMetricsGet_t *get)
{
    struct gpu gpu;
    if (get == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    if (get->version != NVML_GPM_METRICS_GET_VERSION)
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    pthread_mutex_lock(&state_lock);
    bool pair = is_pair(get->sample1, get->sample2);
    struct nvmlGpmSample_st newer = pair ? *get->sample2 : (struct nvmlGpmSample_st){0};
    pthread_mutex_unlock(&state_lock);
    TRY(enter_slot(__func__, newer.slot, &gpu));
    if (!pair || get->numMetrics > NVML_GPM_METRIC_MAX)
        return NVML_ERROR_INVALID_ARGUMENT;
    for (unsigned int i = 0; i < get->numMetrics; i++)
        compute(&gpu, &newer, &get->metrics[i]);
    return NVML_SUCCESS;
}
