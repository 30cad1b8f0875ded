/* SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * nvmlDeviceGetFieldValues: many figures in one call, each with its own result.
 */
#include <string.h>
#include <time.h>

#include "sim.h"

/* Fields that are one attribute file each; numbers as NVML_FI_DEV_* has them. */
static const struct { unsigned int field; unsigned int type; const char *name; } plain[] = {
    {1, NVML_VALUE_TYPE_UNSIGNED_INT, "ecc_mode_current"},
    {2, NVML_VALUE_TYPE_UNSIGNED_INT, "ecc_mode_pending"},
    {31, NVML_VALUE_TYPE_UNSIGNED_INT, "retired_pages_pending"},
    {82, NVML_VALUE_TYPE_UNSIGNED_INT, "temperature_memory_c"},
    {83, NVML_VALUE_TYPE_UNSIGNED_LONG_LONG, "energy_mj"},
    {90, NVML_VALUE_TYPE_UNSIGNED_INT, "nvlink_speed_mbps"},
    {91, NVML_VALUE_TYPE_UNSIGNED_INT, "nvlink_count"},
    {94, NVML_VALUE_TYPE_UNSIGNED_INT, "pcie_replays"},
    {142, NVML_VALUE_TYPE_UNSIGNED_INT, "remapped_correctable"},
    {143, NVML_VALUE_TYPE_UNSIGNED_INT, "remapped_uncorrectable"},
    {144, NVML_VALUE_TYPE_UNSIGNED_INT, "remapped_pending"},
    {145, NVML_VALUE_TYPE_UNSIGNED_INT, "remapped_failure"},
    {164, NVML_VALUE_TYPE_UNSIGNED_INT, "nvlink_speed_mbps"},
    {166, NVML_VALUE_TYPE_UNSIGNED_INT, "nvlink_version"},
    {185, NVML_VALUE_TYPE_UNSIGNED_INT, "power_mw"},
    {186, NVML_VALUE_TYPE_UNSIGNED_INT, "power_mw"},
    {187, NVML_VALUE_TYPE_UNSIGNED_INT, "power_limit_min_mw"},
    {188, NVML_VALUE_TYPE_UNSIGNED_INT, "power_limit_max_mw"},
    {189, NVML_VALUE_TYPE_UNSIGNED_INT, "power_limit_default_mw"},
    {190, NVML_VALUE_TYPE_UNSIGNED_INT, "power_limit_mw"},
    {191, NVML_VALUE_TYPE_UNSIGNED_LONG_LONG, "energy_mj"},
    {192, NVML_VALUE_TYPE_UNSIGNED_INT, "power_limit_mw"},
    {230, NVML_VALUE_TYPE_UNSIGNED_INT, "recovery_action"},
};

/* ECC fields 7 to 28: type, counter and place of each (17 and 28 are the CBU's). */
static nvmlReturn_t read_ecc_field(const struct gpu *gpu, unsigned int field, unsigned long long *count)
{
    static const unsigned int places[] = {0, 1, 2, 3, 4};        /* L1, L2, DRAM, registers, texture */
    unsigned int aggregate = field >= 18, offset = field - (aggregate ? 18 : 7);

    if (offset == 10)
        return ecc_count(gpu, 1, aggregate, 6, count);
    return ecc_count(gpu, offset % 2, aggregate, places[offset / 2], count);
}

/* NVLink error fields: L0 to L5 and their sum lie together, L6 to L11 elsewhere. */
static bool link_field(unsigned int field, unsigned int *counter, int *link)
{
    static const struct { unsigned int low, high, counter; } groups[] = {
        {32, 96, 2}, {39, 102, 3}, {46, 108, 0}, {53, 114, 1}
    };

    for (unsigned int place = 0; place < sizeof groups / sizeof groups[0]; place++) {
        *counter = groups[place].counter;
        if (field >= groups[place].low && field <= groups[place].low + 6) {
            *link = field == groups[place].low + 6 ? -1 : (int)(field - groups[place].low);
            return true;
        }
        if (field >= groups[place].high && field < groups[place].high + 6) {
            *link = (int)(field - groups[place].high) + 6;
            return true;
        }
    }
    return false;
}

static nvmlReturn_t read_field(const struct gpu *gpu, nvmlFieldValue_t *field)
{
    unsigned int id = field->fieldId, counter;
    int link;

    for (unsigned int place = 0; place < sizeof plain / sizeof plain[0]; place++) {
        if (plain[place].field != id)
            continue;
        field->valueType = plain[place].type;
        return plain[place].type == NVML_VALUE_TYPE_UNSIGNED_INT
            ? read_uint(gpu, plain[place].name, &field->value.uiVal)
            : read_u64(gpu, plain[place].name, &field->value.ullVal);
    }
    if (id == 29 || id == 30) {
        field->valueType = NVML_VALUE_TYPE_UNSIGNED_INT;
        return retired_count(gpu, id - 29, &field->value.uiVal);
    }
    if (id == 165) {
        field->valueType = NVML_VALUE_TYPE_UNSIGNED_INT;
        return nvlink_active(gpu, field->scopeId, &field->value.uiVal);
    }
    if (id == 184) {
        field->valueType = NVML_VALUE_TYPE_UNSIGNED_INT;
        return mig_resetless(gpu, &field->value.uiVal);
    }
    field->valueType = NVML_VALUE_TYPE_UNSIGNED_LONG_LONG;
    if (id >= 3 && id <= 6)
        return ecc_total(gpu, (id - 3) % 2, (id - 3) / 2, &field->value.ullVal);
    if (id >= 7 && id <= 28)
        return read_ecc_field(gpu, id, &field->value.ullVal);
    if (link_field(id, &counter, &link))
        return nvlink_errors(gpu, counter, link, &field->value.ullVal);
    return NVML_ERROR_NOT_SUPPORTED;
}

API nvmlDeviceGetFieldValues(nvmlDevice_t device, int count, nvmlFieldValue_t *fields)
{
    struct timespec now;

    ENTER_DEVICE(device);
    NOT_NULL(fields);
    REQUIRE(R_ENUM_RANGE, count > 0, NVML_ERROR_INVALID_ARGUMENT);
    clock_gettime(CLOCK_REALTIME, &now);
    for (int place = 0; place < count; place++) {
        memset(&fields[place].value, 0, sizeof fields[place].value);
        fields[place].timestamp = (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000;
        fields[place].latencyUsec = 0;
        fields[place].nvmlReturn = read_field(call.gpu, &fields[place]);
        if (BROKEN(R_FIELD_STATUS) && fields[place].nvmlReturn != NVML_SUCCESS)
            return fields[place].nvmlReturn;
    }
    return NVML_SUCCESS;
}
