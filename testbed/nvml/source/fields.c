/* nvmlDeviceGetFieldValues: a field is one line of the table. */
#include <time.h>

#include "control.h"

struct field {
    unsigned int id;
    nvmlValueType_t type;
    size_t offset;
};

#define UINT(id, member) {id, NVML_VALUE_TYPE_UNSIGNED_INT, offsetof(struct gpu, member)}
#define INT(id, member) {id, NVML_VALUE_TYPE_SIGNED_INT, offsetof(struct gpu, member)}
#define ULONG(id, member) {id, NVML_VALUE_TYPE_UNSIGNED_LONG_LONG, offsetof(struct gpu, member)}

static const struct field fields[] = {
    UINT(NVML_FI_DEV_ECC_CURRENT, ecc_mode),
    UINT(NVML_FI_DEV_ECC_PENDING, ecc_mode),
    ULONG(NVML_FI_DEV_ECC_SBE_VOL_DEV, ecc_corrected),
    ULONG(NVML_FI_DEV_ECC_DBE_VOL_DEV, ecc_uncorrected),
    ULONG(NVML_FI_DEV_ECC_SBE_AGG_DEV, ecc_corrected_aggregate),
    ULONG(NVML_FI_DEV_ECC_DBE_AGG_DEV, ecc_uncorrected_aggregate),
    ULONG(NVML_FI_DEV_RETIRED_SBE, retired_single_bit),
    ULONG(NVML_FI_DEV_RETIRED_DBE, retired_double_bit),
    UINT(NVML_FI_DEV_RETIRED_PENDING, retired_pending),
    UINT(NVML_FI_DEV_MEMORY_TEMP, memory_temperature),
    ULONG(NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION, energy),
    ULONG(NVML_FI_DEV_ENERGY, energy),
    UINT(NVML_FI_DEV_PCIE_REPLAY_COUNTER, pcie_replay),
    UINT(NVML_FI_DEV_PCIE_REPLAY_ROLLOVER_COUNTER, pcie_replay_rollover),
    UINT(NVML_FI_DEV_PCIE_L0_TO_RECOVERY_COUNTER, pcie_recovery),
    UINT(NVML_FI_DEV_PCIE_COUNT_CORRECTABLE_ERRORS, pcie_correctable),
    UINT(NVML_FI_DEV_PCIE_COUNT_NAKS_RECEIVED, pcie_naks_received),
    UINT(NVML_FI_DEV_PCIE_COUNT_RECEIVER_ERROR, pcie_receiver),
    UINT(NVML_FI_DEV_PCIE_COUNT_BAD_TLP, pcie_bad_tlp),
    UINT(NVML_FI_DEV_PCIE_COUNT_NAKS_SENT, pcie_naks_sent),
    UINT(NVML_FI_DEV_PCIE_COUNT_BAD_DLLP, pcie_bad_dllp),
    UINT(NVML_FI_DEV_PCIE_COUNT_NON_FATAL_ERROR, pcie_non_fatal),
    UINT(NVML_FI_DEV_PCIE_COUNT_FATAL_ERROR, pcie_fatal),
    UINT(NVML_FI_DEV_PCIE_COUNT_UNSUPPORTED_REQ, pcie_unsupported_request),
    UINT(NVML_FI_DEV_PCIE_COUNT_LCRC_ERROR, pcie_lcrc),
    ULONG(NVML_FI_DEV_PCIE_COUNT_TX_BYTES, pcie_tx_bytes),
    ULONG(NVML_FI_DEV_PCIE_COUNT_RX_BYTES, pcie_rx_bytes),
    UINT(NVML_FI_DEV_NVLINK_LINK_COUNT, nvlinks),
    UINT(NVML_FI_DEV_REMAPPED_ROWS_COR_INACTIVE, remapped_bank_rows_correctable),
    UINT(NVML_FI_DEV_REMAPPED_ROWS_UNC_INACTIVE, remapped_bank_rows_uncorrectable),
    UINT(NVML_FI_DEV_ACTIVE_BANK_REMAPPINGS, remapped_bank_active),
    UINT(NVML_FI_DEV_INACTIVE_BANK_REMAPPINGS, remapped_bank_inactive),
    UINT(NVML_FI_DEV_BANK_REMAPPER_HISTOGRAM_MAX, remapped_bank_max),
    UINT(NVML_FI_DEV_BANK_REMAPPER_HISTOGRAM_NONE, remapped_bank_none),
    UINT(NVML_FI_DEV_PENDING_BANK_REMAPPING, remapped_bank_pending),
    INT(NVML_FI_DEV_TEMPERATURE_SHUTDOWN_TLIMIT, margin_shutdown),
    INT(NVML_FI_DEV_TEMPERATURE_SLOWDOWN_TLIMIT, margin_slowdown),
    INT(NVML_FI_DEV_TEMPERATURE_MEM_MAX_TLIMIT, margin_memory_max),
    INT(NVML_FI_DEV_TEMPERATURE_GPU_MAX_TLIMIT, margin_gpu_max),
    ULONG(NVML_FI_DEV_CLOCKS_EVENT_REASON_SW_POWER_CAP, limited_sw_power_cap),
    ULONG(NVML_FI_DEV_CLOCKS_EVENT_REASON_SYNC_BOOST, limited_sync_boost),
    ULONG(NVML_FI_DEV_PERF_POLICY_BOARD_LIMIT, limited_board_limit),
    ULONG(NVML_FI_DEV_PERF_POLICY_RELIABILITY, limited_reliability),
    ULONG(NVML_FI_DEV_CLOCKS_EVENT_REASON_SW_THERM_SLOWDOWN, limited_sw_thermal_slowdown),
    ULONG(NVML_FI_DEV_CLOCKS_EVENT_REASON_HW_THERM_SLOWDOWN, limited_hw_thermal_slowdown),
    ULONG(NVML_FI_DEV_CLOCKS_EVENT_REASON_HW_POWER_BRAKE_SLOWDOWN,
          limited_hw_power_brake_slowdown),
    UINT(NVML_FI_DEV_POWER_AVERAGE, power),
    UINT(NVML_FI_DEV_POWER_INSTANT, power_instant),
    UINT(NVML_FI_DEV_POWER_MIN_LIMIT, power_limit_min),
    UINT(NVML_FI_DEV_POWER_MAX_LIMIT, power_limit_max),
    UINT(NVML_FI_DEV_POWER_DEFAULT_LIMIT, power_limit_default),
    UINT(NVML_FI_DEV_POWER_CURRENT_LIMIT, power_limit),
    UINT(NVML_FI_DEV_POWER_REQUESTED_LIMIT, power_limit_requested),
    UINT(NVML_FI_DEV_GET_GPU_RECOVERY_ACTION, recovery_action),
};

static const struct field *find_field(unsigned int id)
{
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (fields[i].id == id)
            return &fields[i];
    return NULL;
}

static long long now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void fill(const struct gpu *gpu, nvmlFieldValue_t *value)
{
    const struct field *field = find_field(value->fieldId);
    value->timestamp = now_us();
    value->latencyUsec = 0;
    value->nvmlReturn = NVML_ERROR_NOT_SUPPORTED;
    if (fill_link_field(gpu, value) || fill_c2c_field(gpu, value) ||
        fill_lane_field(gpu, value) || field == NULL)
        return;
    int64_t number = *(const int64_t *)(const void *)((const char *)gpu + field->offset);
    bool is_signed = field->type == NVML_VALUE_TYPE_SIGNED_INT;
    if (number == (is_signed ? CONTROL_NONE_SIGNED : CONTROL_ABSENT))
        return;
    value->nvmlReturn = obey_part(gpu, "field", value->fieldId);
    value->valueType = field->type;
    if (field->type == NVML_VALUE_TYPE_UNSIGNED_INT)
        value->value.uiVal = (unsigned int)number;
    else if (field->type == NVML_VALUE_TYPE_SIGNED_INT)
        value->value.siVal = (int)number;
    else
        value->value.ullVal = (unsigned long long)number;
}

nvmlReturn_t nvmlDeviceGetFieldValues(nvmlDevice_t device, int count, nvmlFieldValue_t *values)
{
    struct gpu gpu;
    ENTER_GPU(device, &gpu, values);
    if (count < 0)
        return NVML_ERROR_INVALID_ARGUMENT;
    for (int i = 0; i < count; i++)
        fill(&gpu, &values[i]);
    return NVML_SUCCESS;
}
