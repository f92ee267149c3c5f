/* NVLinks: what single calls tell of them, and their fields, whose scope is the link. */
#include <limits.h>
#include <stdio.h>

#include "control.h"

static nvmlReturn_t find_link(const struct gpu *gpu, unsigned int number, const struct link **link)
{
    if (gpu->nvlinks == CONTROL_ABSENT)
        return NVML_ERROR_NOT_SUPPORTED;
    if (number >= CONTROL_LINKS || number >= gpu->nvlinks)
        return NVML_ERROR_INVALID_ARGUMENT;
    *link = &gpu->links[number];
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetNvLinkState(nvmlDevice_t device, unsigned int number,
                                      nvmlEnableState_t *is_active)
{
    struct gpu gpu;
    const struct link *link;
    ENTER_GPU(device, &gpu, is_active);
    TRY(find_link(&gpu, number, &link));
    *is_active = link->state != NVML_NVLINK_STATE_INACTIVE ? NVML_FEATURE_ENABLED
                                                           : NVML_FEATURE_DISABLED;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetNvLinkVersion(nvmlDevice_t device, unsigned int number,
                                        unsigned int *version)
{
    struct gpu gpu;
    const struct link *link;
    ENTER_GPU(device, &gpu, version);
    TRY(find_link(&gpu, number, &link));
    return tell(link->version, version);
}

nvmlReturn_t nvmlDeviceGetNvLinkRemoteDeviceType(nvmlDevice_t device, unsigned int number,
                                                 nvmlIntNvLinkDeviceType_t *type)
{
    struct gpu gpu;
    const struct link *link;
    unsigned int told;
    ENTER_GPU(device, &gpu, type);
    TRY(find_link(&gpu, number, &link));
    TRY(tell(link->remote_type, &told));
    *type = (nvmlIntNvLinkDeviceType_t)told;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetNvLinkRemotePciInfo_v2(nvmlDevice_t device, unsigned int number,
                                                 nvmlPciInfo_t *pci)
{
    struct gpu gpu;
    const struct link *link;
    unsigned int bus;
    ENTER_GPU(device, &gpu, pci);
    TRY(find_link(&gpu, number, &link));
    TRY(tell(link->remote_bus, &bus));
    *pci = (nvmlPciInfo_t){.domain = (unsigned int)gpu.pci_domain & 0xFFFF, .bus = bus & 0xFF};
    snprintf(pci->busId, sizeof pci->busId, NVML_DEVICE_PCI_BUS_ID_FMT, pci->domain, pci->bus, 0U);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetNvLinkErrorCounter(nvmlDevice_t device, unsigned int number,
                                             nvmlNvLinkErrorCounter_t counter,
                                             unsigned long long *count)
{
    struct gpu gpu;
    const struct link *link;
    ENTER_GPU(device, &gpu, count);
    TRY(find_link(&gpu, number, &link));
    const int64_t counts[NVML_NVLINK_ERROR_COUNT] = {
        [NVML_NVLINK_ERROR_DL_REPLAY] = link->replay,
        [NVML_NVLINK_ERROR_DL_RECOVERY] = link->recovery,
        [NVML_NVLINK_ERROR_DL_CRC_FLIT] = link->crc_flit,
        [NVML_NVLINK_ERROR_DL_CRC_DATA] = link->crc_data,
        [NVML_NVLINK_ERROR_DL_ECC_DATA] = link->ecc_data,
    };
    if ((unsigned int)counter >= NVML_NVLINK_ERROR_COUNT)
        return NVML_ERROR_INVALID_ARGUMENT;
    if (counts[counter] == CONTROL_ABSENT)
        return NVML_ERROR_NOT_SUPPORTED;
    *count = (unsigned long long)counts[counter];
    return NVML_SUCCESS;
}

struct link_field {
    unsigned int id;
    nvmlValueType_t type;
    size_t offset;
    bool summed;
};

#define OF(id, type, member, summed)                                                               \
    {NVML_FI_DEV_NVLINK_##id, NVML_VALUE_TYPE_##type, offsetof(struct link, member), summed}
#define STATUS(id, member) OF(id, UNSIGNED_INT, member, false)
#define COUNT(id, member) OF(id, UNSIGNED_LONG_LONG, member, false)
/* A scope of UINT_MAX gives the sum over all links. */
#define SUMMED(id, member) OF(id, UNSIGNED_LONG_LONG, member, true)

static const struct link_field link_fields[] = {
    STATUS(GET_STATE, state),
    STATUS(GET_SPEED, speed),
    STATUS(GET_VERSION, version),
    STATUS(REMOTE_NVLINK_ID, remote_link),
    COUNT(ERROR_DL_REPLAY, replay),
    COUNT(ERROR_DL_RECOVERY, recovery),
    COUNT(ERROR_DL_CRC, crc),
    SUMMED(THROUGHPUT_DATA_TX, data_tx),
    SUMMED(THROUGHPUT_DATA_RX, data_rx),
    SUMMED(COUNT_XMIT_BYTES, tx_bytes),
    SUMMED(COUNT_RCV_BYTES, rx_bytes),
    SUMMED(COUNT_MALFORMED_PACKET_ERRORS, malformed_packet),
    SUMMED(COUNT_BUFFER_OVERRUN_ERRORS, buffer_overrun),
    SUMMED(COUNT_RCV_ERRORS, receive),
    SUMMED(COUNT_RCV_REMOTE_ERRORS, receive_remote),
    SUMMED(COUNT_RCV_GENERAL_ERRORS, receive_general),
    SUMMED(COUNT_LOCAL_LINK_INTEGRITY_ERRORS, local_integrity),
    SUMMED(COUNT_XMIT_DISCARDS, transmit_discard),
    SUMMED(COUNT_LINK_RECOVERY_SUCCESSFUL_EVENTS, recovered),
    SUMMED(COUNT_LINK_RECOVERY_FAILED_EVENTS, recovery_failed),
    SUMMED(COUNT_LINK_RECOVERY_EVENTS, recovery_events),
    SUMMED(COUNT_EFFECTIVE_ERRORS, effective),
    COUNT(COUNT_EFFECTIVE_BER, effective_ber),
    SUMMED(COUNT_SYMBOL_ERRORS, symbol),
    COUNT(COUNT_SYMBOL_BER, symbol_ber),
    COUNT(COUNT_RAW_ERRORS_LANE0, raw_lane0),
    COUNT(COUNT_RAW_ERRORS_LANE1, raw_lane1),
    COUNT(COUNT_RAW_BER_V2, raw_ber),
    COUNT(PLR_XMIT_RETRY_BLOCKS, retransmitted_block),
};

/* Fields of older cards: one id a link, for the first six, then for six more. */
struct numbered_field {
    unsigned int first, seventh;
    size_t offset;
};

#define NUMBERED(id, member)                                                                       \
    {NVML_FI_DEV_NVLINK_##id##_ERROR_COUNT_L0, NVML_FI_DEV_NVLINK_##id##_ERROR_COUNT_L6,           \
     offsetof(struct link, member)}

static const struct numbered_field numbered_fields[] = {
    NUMBERED(CRC_FLIT, crc_flit), NUMBERED(CRC_DATA, crc_data), NUMBERED(REPLAY, replay),
    NUMBERED(RECOVERY, recovery), NUMBERED(ECC_DATA, ecc_data),
};

static bool find_numbered(unsigned int id, unsigned int *number, size_t *offset)
{
    for (size_t i = 0; i < sizeof numbered_fields / sizeof *numbered_fields; i++) {
        const struct numbered_field *field = &numbered_fields[i];
        bool late = id >= field->seventh && id < field->seventh + 6;
        if (!late && (id < field->first || id >= field->first + 6))
            continue;
        *number = late ? id - field->seventh + 6 : id - field->first;
        *offset = field->offset;
        return true;
    }
    return false;
}

static bool find_scoped(unsigned int id, struct link_field *found)
{
    unsigned int bin = id - NVML_FI_DEV_NVLINK_COUNT_FEC_HISTORY_0;
    if (bin < CONTROL_BINS) {
        size_t offset = offsetof(struct link, fec_0) + bin * sizeof(int64_t);
        *found = (struct link_field){id, NVML_VALUE_TYPE_UNSIGNED_LONG_LONG, offset, true};
        return true;
    }
    for (size_t i = 0; i < sizeof link_fields / sizeof *link_fields; i++)
        if (link_fields[i].id == id) {
            *found = link_fields[i];
            return true;
        }
    return false;
}

static int64_t number_at(const struct link *link, size_t offset)
{
    return *(const int64_t *)(const void *)((const char *)link + offset);
}

static void hand_out(int64_t number, nvmlValueType_t type, nvmlFieldValue_t *value)
{
    if (number == CONTROL_ABSENT)
        return;
    value->nvmlReturn = NVML_SUCCESS;
    value->valueType = type;
    value->value = (nvmlValue_t){.ullVal = (unsigned long long)number};
}

static int64_t sum_at(const struct gpu *gpu, size_t offset)
{
    int64_t sum = CONTROL_ABSENT;
    for (unsigned int i = 0; i < CONTROL_LINKS && i < gpu->nvlinks; i++) {
        int64_t number = number_at(&gpu->links[i], offset);
        if (number != CONTROL_ABSENT)
            sum = (sum == CONTROL_ABSENT ? 0 : sum) + number;
    }
    return sum;
}

bool fill_link_field(const struct gpu *gpu, nvmlFieldValue_t *value)
{
    struct link_field field = {.type = NVML_VALUE_TYPE_UNSIGNED_LONG_LONG};
    const struct link *link;
    unsigned int number = value->scopeId;
    if (!find_scoped(value->fieldId, &field) &&
        !find_numbered(value->fieldId, &number, &field.offset))
        return false;
    if (field.summed && number == UINT_MAX) {
        hand_out(sum_at(gpu, field.offset), field.type, value);
        return true;
    }
    nvmlReturn_t found = find_link(gpu, number, &link);
    if (found == NVML_SUCCESS)
        hand_out(number_at(link, field.offset), field.type, value);
    else
        value->nvmlReturn = found;
    return true;
}
